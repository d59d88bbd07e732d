/// Stops the program with a message when a condition that the caller must keep does not hold.
///
/// Unlike `precondition`, the message is printed in release builds too. Misuse of shapes, types and indices inside
/// the program ends here; everything that comes from outside (files, flags, requests) throws instead.
@inlinable
public func require(
    _ condition: @autoclosure () -> Bool,
    _ message: @autoclosure () -> String,
    file: StaticString = #fileID,
    line: UInt = #line
) {
    if !condition() { requirementFailed(message(), file: file, line: line) }
}

/// Stops the program with a message: the failing half of ``require(_:_:file:line:)``.
@usableFromInline
func requirementFailed(_ message: String, file: StaticString, line: UInt) -> Never {
    fatalError(message, file: file, line: line)
}
