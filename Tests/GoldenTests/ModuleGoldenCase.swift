import Testing
import YuyanOptimizers
import YuyanTestSupport

extension GoldenCase {
    /// Gives a module the case's parameters by name, runs it and compares results and all gradients.
    ///
    /// - Parameters:
    ///   - module: The module, whose parameters are inputs of the case under their own names.
    ///   - inputs: The names of further inputs.
    ///   - sourceLocation: Where a failure is shown.
    ///   - function: The results of the module for the further inputs.
    /// - Throws: `FileFormatError` when the case lacks a tensor, and what the function throws.
    func expect(
        _ module: some Module,
        _ inputs: [String],
        sourceLocation: SourceLocation = #_sourceLocation,
        _ function: ([Tensor]) throws -> [Tensor]
    ) throws {
        let known = Set(
            file.names.compactMap { $0.hasPrefix("\(name)/d") ? String($0.dropFirst(name.count + 2)) : nil }
        )
        let parameters = module.namedParameters()
        let names = Set(parameters.map(\.name) + inputs)
        let gradients = known.filter { !$0.hasPrefix("y") }
        #expect(names == gradients, "\(name)", sourceLocation: sourceLocation)
        for named in parameters {
            named.parameter.convert(to: dtype)
            named.parameter.assign(try tensor(named.name))
        }
        try expect(inputs, tolerance: (1e-12, 4e-6), sourceLocation: sourceLocation, function)
        for named in parameters {
            guard let gradient = named.parameter.gradient else {
                Issue.record("\(name): \(named.name) has no gradient", sourceLocation: sourceLocation)
                continue
            }
            let expected = try file.doubles("\(name)/d\(named.name)")
            compare(gradient, expected, dtype == .f64 ? 1e-12 : 4e-6, "d\(named.name)", sourceLocation)
        }
    }
}
