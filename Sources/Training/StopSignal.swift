import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The signal that asked this process to stop, 0 for none.
private let receivedSignal = Atomic<Int32>(0)

/// A stop by a signal after which the same command goes on where it was, because what was done is kept.
///
/// After a `CancellationError` the same command begins again.
public struct ResumableStop: Error, Sendable {
    /// Makes one.
    public init() {}
}

/// SIGINT and SIGTERM as a request that a run looks at between steps: it saves and ends.
///
/// A second one ends at once.
public enum StopSignal {
    /// Begins to listen; the default (to end the process) no longer holds.
    public static func install() {
        receivedSignal.store(0, ordering: .relaxed)
        // A parent that blocks signals on the thread which starts this process hands that down.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let before = receivedSignal.exchange(number, ordering: .relaxed)
                if before != 0 { _exit(128 + number) }
            }
        }
    }

    /// The signal that arrived, or nil.
    public static var received: Int32? {
        let number = receivedSignal.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// Forgets a signal, for example before another run in the same process.
    public static func reset() { receivedSignal.store(0, ordering: .relaxed) }
}
