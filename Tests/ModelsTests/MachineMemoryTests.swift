import Foundation
import Testing
import YuyanModels
import YuyanTestSupport

/// Memory that a container or a service allows.
@Suite struct MachineMemoryTests {
    /// Makes the files of control groups below a scratch folder.
    private static func groups(_ files: [String: String]) throws -> ScratchFolder {
        let folder = try ScratchFolder()
        for (name, text) in files {
            let file = URL(fileURLWithPath: "\(folder.path)/\(name)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
        return folder
    }

    @Test func theLeastOfAllGroupsCounts() throws {
        let root = try Self.groups([
            "memory.max": "max\n", "a/memory.max": "3000000\n", "a/b/memory.max": "4000000\n",
            "c/memory.max": "1\n",
        ])
        #expect(MachineMemory.limit(of: "0::/a/b\n", under: root.path) == 3_000_000)
        #expect(MachineMemory.limit(of: "0::/a\n", under: root.path) == 3_000_000)
        #expect(MachineMemory.limit(of: "0::/c\n", under: root.path) == 1)
        #expect(MachineMemory.limit(of: "0::/\n", under: root.path) == nil)
    }

    @Test func aContainerSeesItsOwnGroupAsTheFirst() throws {
        let root = try Self.groups(["memory.max": "5000000\n"])
        #expect(MachineMemory.limit(of: "0::/host/pod/of/another/name\n", under: root.path) == 5_000_000)
    }

    @Test func theFirstVersionIsRead() throws {
        let root = try Self.groups([
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/job/memory.limit_in_bytes": "7000000\n", "cpu/job/memory.limit_in_bytes": "1\n",
        ])
        let text = "9:name=systemd:/\n5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n"
        #expect(MachineMemory.limit(of: text, under: root.path) == 7_000_000)
        #expect(MachineMemory.limit(of: "4:memory:/\n", under: root.path) == 9_223_372_036_854_771_712)
    }

    @Test(arguments: ["", "nonsense", "0:", "1:memory", "0::/a:b\n"]) func whatCannotBeReadHasNoLimit(
        _ text: String
    ) throws {
        let root = try Self.groups(["memory.max": "many\n"])
        #expect(MachineMemory.limit(of: text, under: root.path) == nil)
    }
}
