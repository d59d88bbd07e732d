import Foundation

/// The memory that this process may use.
package enum MachineMemory {
    /// Its size in bytes: the machine's, or what a container or a service may take of it; 0 when nothing tells.
    static var bytes: Int {
        let machine = max(0, sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)))
        let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
        let limit = limit(of: groups, under: "/sys/fs/cgroup") ?? machine
        return machine > 0 ? min(machine, limit) : limit
    }

    /// The least that the control groups of a process allow, from its own up to the first: Linux's `memory.max`, or
    /// `memory.limit_in_bytes` of the first version.
    ///
    /// - Parameters:
    ///   - groups: What `/proc/self/cgroup` says: lines of a number, controllers and the group's path.
    ///   - root: The folder in which the groups lie. A container sees its own group there, whatever its path.
    /// - Returns: Bytes; nil where no group has a limit.
    package static func limit(of groups: String, under root: String) -> Int? {
        var least: Int?
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let isFirstVersion = fields[1].split(separator: ",").contains("memory")
            guard isFirstVersion || fields[1].isEmpty else { continue }
            let (folder, name) =
                isFirstVersion ? ("\(root)/memory", "memory.limit_in_bytes") : (root, "memory.max")
            var path = fields[2].split(separator: "/")
            while true {
                let file = ([folder] + path.map { String($0) } + [name]).joined(separator: "/")
                if let text = try? String(contentsOfFile: file, encoding: .utf8),
                    let bytes = Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
                {
                    least = min(least ?? bytes, bytes)
                }
                if path.isEmpty { break }
                path.removeLast()
            }
        }
        return least
    }
}
