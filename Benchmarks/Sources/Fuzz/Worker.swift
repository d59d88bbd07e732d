import Foundation
import YuyanFuzzing

/// What a worker tells as it goes, in memory that outlives it: a page of numbers in a mapped file.
struct Progress {
    enum Field: Int { case number, read, refused, slowest, slowestCase, growth, growthCase, peak }

    private let numbers: UnsafeMutablePointer<UInt64>

    /// Maps the file, which is made where it is missing.
    init(path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, 4096) == 0,
            let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), page != MAP_FAILED
        else { throw Failure("cannot map \(path): \(String(cString: strerror(errno)))") }
        close(descriptor)
        numbers = page.bindMemory(to: UInt64.self, capacity: 512)
    }

    subscript(field: Field) -> UInt64 {
        get { numbers[field.rawValue] }
        nonmutating set { numbers[field.rawValue] = newValue }
    }

    func reset() {
        for index in 0..<8 { numbers[index] = 0 }
    }
}

/// Runs a range of cases in a process of its own, so that whatever happens, the number of the case is known.
struct Worker {
    /// The exit status of a broken promise that did not end the process.
    static let findingStatus: Int32 = 3

    let target: FuzzTarget
    let seed: UInt64
    let folder: String
    /// Seconds of the processor that a case may take.
    let limit: Int
    /// Bytes of address space; a reader that wants more gets no memory and ends.
    let memory: Int
    /// Bytes that a case may add to the memory held before it.
    let growth: Int
    private let status = open("/proc/self/status", O_RDONLY)
    private let references = open("/proc/self/clear_refs", O_WRONLY)

    init(target: FuzzTarget, seed: UInt64, folder: String, limit: Int, memory: Int, growth: Int) {
        (self.target, self.seed, self.folder) = (target, seed, folder)
        (self.limit, self.memory, self.growth) = (limit, memory, growth)
    }

    func run(_ cases: Range<UInt64>, progress: Progress) throws {
        setLimits()
        for number in cases {
            progress[.number] = number
            let input = target.input(of: number, seed: seed)
            setTimer(limit)
            forgetPeak()
            let (before, start) = (peakBytes(), processorNanoseconds())
            let isRead = attempt(input, number)
            let (time, peak) = (processorNanoseconds() - start, peakBytes())
            if time > progress[.slowest] { (progress[.slowest], progress[.slowestCase]) = (time, number) }
            if peak > before + progress[.growth] {
                (progress[.growth], progress[.growthCase]) = (peak - before, number)
            }
            progress[.peak] = max(progress[.peak], peak)
            check(peak, before)
            progress[isRead ? .read : .refused] += 1
        }
        setTimer(0)
        progress[.number] = cases.upperBound
    }

    /// Runs one input.
    func replay(_ input: [UInt8], case number: UInt64) {
        setLimits()
        setTimer(limit)
        let (before, start) = (peakBytes(), processorNanoseconds())
        let isRead = attempt(input, number)
        check(peakBytes(), before)
        let milliseconds = Double(processorNanoseconds() - start) / 1e6
        print(
            "\(input.count) bytes \(isRead ? "read" : "refused") in \(milliseconds) ms, peak \(peakBytes() >> 20) MiB"
        )
    }

    private func attempt(_ input: [UInt8], _ number: UInt64) -> Bool {
        do {
            return try target.run(input, case: number, seed: seed, folder: folder)
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(Self.findingStatus)
        }
    }

    private func check(_ peak: UInt64, _ before: UInt64) {
        guard peak > before + UInt64(growth) else { return }
        FileHandle.standardError.write(Data("takes \((peak - before) >> 20) MiB\n".utf8))
        exit(Self.findingStatus)
    }

    private func setLimits() {
        var limits = rlimit(rlim_cur: rlim_t(memory), rlim_max: rlim_t(memory))
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limits)
        limits = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limits)
    }

    /// Ends the process by a signal when the seconds of the processor are used up; 0 stops the clock.
    private func setTimer(_ seconds: Int) {
        var timer = itimerval()
        timer.it_value.tv_sec = seconds
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    }

    private func processorNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Lets the peak of memory begin anew with what is held now.
    private func forgetPeak() {
        _ = write(references, "5", 1)
    }

    /// The most memory that the process held since ``forgetPeak()``.
    private func peakBytes() -> UInt64 {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = pread(status, buffer.baseAddress, buffer.count - 1, 0)
            buffer[max(count, 0)] = 0
            guard let text = buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                let found = strstr(text, "VmHWM:")
            else { return 0 }
            return UInt64(strtoul(found + 6, nil, 10)) << 10
        }
    }
}
