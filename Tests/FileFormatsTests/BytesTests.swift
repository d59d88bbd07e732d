import Foundation
import Testing
import YuyanFileFormats

@Suite struct HashTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func knownDigests(message: String, digest: String) {
        #expect(SHA256.hex(of: message.utf8) == digest)
    }

    @Test func aMillionLettersInUnevenPieces() throws {
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        let digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        var hash = SHA256()
        var position = 0
        var step = 1
        while position < million.count {
            let next = min(position + step, million.count)
            hash.update(Array(million[position..<next]))
            position = next
            step = step % 977 + 13
        }
        #expect(hash.hexDigest() == digest)
        #expect(hash.hexDigest() == digest)
        let folder = try TemporaryFolder()
        #expect(try SHA256.hex(ofFile: folder.write(million)) == digest)
    }

    @Test func everyLengthAroundABlockPadsAlike() {
        for count in 50..<140 {
            let message = (0..<count).map { UInt8($0) }
            var pieces = SHA256()
            for byte in message { pieces.update([byte]) }
            #expect(pieces.hexDigest() == SHA256.hex(of: message))
        }
        #expect(
            SHA256.hex(of: [UInt8](repeating: 0, count: 64))
                == "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"
        )
    }

    @Test func castagnoliChecksum() {
        #expect(CRC32C.checksum("123456789".utf8) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    }
}

@Suite struct FileTests {
    @Test func atomicWritesReplaceAndLeaveNoTrace() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.txt")
        try SafeFile.write(text: "old", to: path)
        try SafeFile.write(text: "语燕", to: path)
        #expect(try SafeFile.readText(path) == "语燕")
        do {
            let file = try AtomicFile(path: path)
            try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try file.append($0) }
        }
        #expect(try SafeFile.readText(path) == "语燕")
        #expect(try folder.names == ["a.txt"])
        expectFailure(.notFound) { try SafeFile.write(text: "", to: folder.file("no/such/folder")) }
        expectFailure(.limitExceeded) { _ = try SafeFile.read(path, limit: 3) }
        expectFailure(.malformed, "byte 4") {
            _ = try SafeFile.readText(folder.write([65, 0xE8, 0xAF, 0xAD, 0xE8, 0xAF], "b"))
        }
        expectFailure(.unsupported, "regular") { _ = try SafeFile.read(folder.path) }
    }

    @Test func foldersAreMadeWhereNoFileIs() throws {
        let folder = try TemporaryFolder()
        for name in ["a/b/c", "a/b/c", "d/e/"] {
            try SafeFile.checkFolder(folder.file(name))
            try SafeFile.makeFolder(folder.file(name))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file(name)) == [])
        }
        let file = try folder.write([1], "taken")
        let calls: [(String) throws -> Void] = [
            { try SafeFile.checkFolder($0) }, { try SafeFile.makeFolder($0) },
        ]
        for make in calls {
            expectFailure(.mismatch, "\(file): is a file, not a folder") { try make(file) }
            expectFailure(.mismatch, "\(file): is a file", "\(file)/x/y cannot be made") {
                try make("\(file)/x/y")
            }
            expectFailure(.missing, "empty") { try make("") }
        }
        #expect(try folder.names == ["a", "d", "taken"])
        // Root may write everywhere.
        guard getuid() != 0 else { return }
        chmod(folder.file("d"), 0o500)
        expectFailure(.inputOutput, "d/x", "cannot make this folder") {
            try SafeFile.makeFolder(folder.file("d/x/y"))
        }
    }

    @Test func foldersAreReplacedWholeOrNotAtAll() throws {
        let folder = try TemporaryFolder()
        func make(_ name: String) throws {
            try SafeFile.makeFolder(folder.file(name))
            _ = try folder.write(Array(name.utf8), "\(name)/name")
        }
        func replace(_ name: String) throws {
            try SafeFile.replaceFolder(
                folder.file(name),
                by: folder.file("new"),
                movingAsideTo: SafeFile.path(beside: folder.file(name), ending: ".old")
            )
        }
        try make("new")
        try replace("a/")
        #expect(try folder.names == ["a"])
        try make("new")
        try replace("a/")
        #expect(try folder.names == ["a", "a.old"])
        // What is not there replaces nothing.
        try FileManager.default.removeItem(atPath: folder.file("a.old"))
        expectFailure(.notFound, "rename") { try replace("a") }
        #expect(try folder.names == ["a"] && SafeFile.readText(folder.file("a/name")) == "new")
        #expect(
            SafeFile.path(beside: "/", ending: "x") == "/x" && SafeFile.path(beside: "b//", ending: "") == "b"
        )
    }

    /// Temporary files are of processes; no process has so large a number.
    @Test func abandonedFilesAreThoseOfProcessesThatEnded() throws {
        let folder = try TemporaryFolder()
        let file = try AtomicFile(path: folder.file("a.txt"))
        let begun = try #require(folder.names.first)
        // Whoever asks says that this process writes nothing there.
        #expect(AtomicFile.isAbandoned(begun))
        withExtendedLifetime(file) {}
        #expect(AtomicFile.isAbandoned("model.safetensors.99999999-1f.tmp"))
        #expect(!AtomicFile.isAbandoned("model.safetensors.\(getppid())-1f.tmp"))
        for name in [
            "a.txt", "a.tmp", "a.99999999.tmp", "a.99999999-xyz.tmp", "99999999-1f.tmp", "a.9-9-9.tmp",
        ] {
            #expect(!AtomicFile.isAbandoned(name), "\(name)")
        }
    }

    @Test func mappedFiles() throws {
        let folder = try TemporaryFolder()
        let file = try MappedFile(path: folder.write([1, 2, 3, 4]))
        #expect(file.count == 4)
        #expect(file.withBytes { Array($0) } == [1, 2, 3, 4])
        #expect(file.withBytes(in: 1..<3) { Array($0) } == [2, 3])
        let empty = try MappedFile(path: folder.write([], "empty"))
        #expect(empty.withBytes { $0.count } == 0)
    }

    #if os(Linux)
    @Test func pagesGoBack() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 / 4096) }
        let path = try folder.write(bytes)
        let file = try MappedFile(path: path)
        /// The kilobytes of the file that count as this process's memory.
        func resident() throws -> Int {
            // The system makes this file as it is read and says that it has no length.
            let handle = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
            let maps = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
            let entry = try #require(maps.firstRange(of: path))
            let line = try #require(maps[entry.upperBound...].firstRange(of: "Rss:"))
            return maps[line.upperBound...].split(separator: " ").first.flatMap { Int($0) } ?? -1
        }
        #expect(file.withBytes { $0.elementsEqual(bytes) })
        #expect(try resident() == 4096)
        file.releasePages()
        #expect(try resident() == 0)
        #expect(file.withBytes { $0.elementsEqual(bytes) })
        try MappedFile(path: folder.write([], "none")).releasePages()
    }
    #endif

    private func lines(_ text: String, limit: Int = 1 << 20) throws -> [String] {
        let folder = try TemporaryFolder()
        let reader = try LineReader(path: folder.write(Array(text.utf8)), maximumLineLength: limit)
        var result: [String] = []
        while let line = try reader.nextLine() { result.append(line) }
        #expect(try reader.nextLine() == nil)
        return result
    }

    @Test func linesOfEveryEnding() throws {
        #expect(try lines("") == [])
        #expect(try lines("\n") == [""])
        #expect(try lines("a") == ["a"])
        #expect(try lines("a\n") == ["a"])
        #expect(try lines("a\r\nb\n\r\n\nc\r") == ["a", "b", "", "", "c\r"])
        #expect(try lines("abc\nabc\r\nabc", limit: 3) == ["abc", "abc", "abc"])
    }

    @Test func linesAcrossBuffers() throws {
        let content = (0..<3000).map { String(repeating: "语", count: $0 % 97 * 13) + "\($0)" }
        #expect(try lines(content.joined(separator: "\n")) == content)
        let long = String(repeating: "x", count: 700_000)
        #expect(try lines("a\n" + long + "\nb") == ["a", long, "b"])
    }

    @Test func linesBeyondTheLimit() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Array("ab\n".utf8) + [UInt8](repeating: 120, count: 5_000_000))
        let reader = try LineReader(path: path, maximumLineLength: 1000)
        #expect(try reader.nextLine() == "ab")
        expectFailure(.limitExceeded, path, "line 2", "1000 bytes") { _ = try reader.nextLine() }
        expectFailure(.limitExceeded) { _ = try lines("abcd\n", limit: 3) }
        expectFailure(.malformed, "line 2, column 3") {
            let bad = try LineReader(path: folder.write([65, 10, 66, 67, 0xFF, 10], "bad"))
            while try bad.nextLine() != nil {}
        }
    }

    @Test func offsetsAndNumbers() throws {
        let folder = try TemporaryFolder()
        let reader = try LineReader(path: folder.write(Array("ab\r\n\ncd".utf8)))
        var found: [[Int]] = []
        while let count = try reader.withNextLine({ $0.count }) {
            found.append([reader.lineNumber, reader.lineOffset, count])
        }
        #expect(found == [[1, 0, 2], [2, 4, 0], [3, 5, 2]])
    }
}
