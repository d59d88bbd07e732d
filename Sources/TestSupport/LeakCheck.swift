import Testing
import YuyanCPUBackend
import YuyanTensors

/// Records a failure of the running test when a body leaves storage alive on the CPU backend.
///
/// The pool counts for the whole process, so nothing else may allocate meanwhile: call this inside an exit test
/// (`#expect(processExitsWith: .success) { … }`), which has a process of its own.
///
/// - Parameters:
///   - sourceLocation: Where the failure is shown.
///   - body: What must give back all memory it takes.
/// - Returns: The bytes that stayed alive, 0 when all is well.
/// - Throws: What the body throws.
@discardableResult
public func expectNoLiveStorage(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) rethrows -> Int {
    let before = CPUBackend.shared.pool.statistics
    try body()
    let after = CPUBackend.shared.pool.statistics
    let blocks = after.liveBlocks - before.liveBlocks
    if blocks != 0 || after.liveBytes != before.liveBytes {
        let text = "\(blocks) storages (\(after.liveBytes - before.liveBytes) bytes) stayed alive"
        Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
    }
    return after.liveBytes - before.liveBytes
}
