/// Stops with a message when a programmer's mistake is found; unlike `precondition` it prints in release too.
@inlinable
package func require(
    _ condition: Bool,
    _ message: @autoclosure () -> String,
    file: StaticString = #fileID,
    line: UInt = #line
) {
    if !condition { fatalError(message(), file: file, line: line) }
}
