import Foundation

/// What runs that were killed had begun to write.
enum UnfinishedFiles {
    /// Removes the temporary files of some files that are written whole or not at all.
    ///
    /// - Parameters:
    ///   - names: The files' names.
    ///   - folder: Their folder, which exists.
    /// - Throws: What the file system refuses.
    static func remove(of names: [String], in folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".tmp") {
            guard names.contains(where: { name.hasPrefix("\($0).") }) else { continue }
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }
}
