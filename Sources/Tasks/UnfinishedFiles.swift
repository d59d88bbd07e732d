import Foundation
import YuyanFileFormats

/// What runs that were killed had begun to write.
enum UnfinishedFiles {
    /// Makes a run's output folder, and removes from it what killed runs had begun to write.
    ///
    /// What a process that still lives writes stays.
    ///
    /// - Parameter folder: The folder, into which this process writes nothing yet.
    /// - Throws: `FileFormatError` when the folder cannot be made, what the file system refuses.
    static func makeFolder(_ folder: String) throws {
        try SafeFile.makeFolder(folder)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder)
        where AtomicFile.isAbandoned(name) {
            // Another run that begins may have been faster.
            unlink("\(folder)/\(name)")
        }
    }
}
