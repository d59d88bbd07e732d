import Foundation
import Testing
import YuyanModels
import YuyanOptimizers
import YuyanTestSupport

/// A toy model's folder under `Fixtures/` with what the reference gives for it, in `golden.safetensors`.
struct ModelGolden {
    let folder: String
    private let files: WeightFiles
    private let raw: SafetensorsFile

    /// - Parameter path: The folder under `Fixtures/`.
    /// - Throws: `FileFormatError` when a file is missing or damaged.
    init(_ path: String) throws {
        folder = GoldenFile.fixtures.appending(path: path).path
        files = try WeightFiles(path: "\(folder)/golden.safetensors")
        raw = try SafetensorsFile(path: "\(folder)/golden.safetensors")
    }

    func values(_ name: String) throws -> [Double] { try files.tensor(name, dtype: .f64).doubles() }

    func integers(_ name: String) throws -> [Int32] {
        try raw.elements(of: name, dtype: .i32, as: Int32.self)
    }

    func shape(_ name: String) throws -> [Int] { try raw.entry(name).shape }

    /// The rows of a matrix of numbers, each as long as `lengths` says.
    func rows(_ name: String, lengths: String) throws -> [[Int32]] {
        let (all, width) = (try integers(name), try shape(name)[1])
        return try integers(lengths).enumerated().map { row, count in
            Array(all[row * width..<row * width + Int(count)])
        }
    }

    /// Compares all gradients, each against its largest element.
    ///
    /// - Parameters:
    ///   - model: The model, after a backward pass.
    ///   - map: Where its parameters lie in files.
    ///   - relative: The tolerance as a part of the largest element.
    ///   - floor: A tolerance for keys whose gradient is rounding around zero.
    /// - Throws: `FileFormatError` when a gradient is missing.
    func compareGradients(
        of model: some Module,
        _ map: KeyMap,
        relative: Double,
        floor: (String) -> Double = { _ in 0 }
    ) throws {
        for item in model.namedParameters() {
            let mapping = try #require(map.mapping(of: item.name))
            let gradient = try #require(item.parameter.gradient, "\(item.name)")
            var parts = [mapping.isTransposed ? gradient.transposed() : gradient]
            if !mapping.rows.isEmpty { parts = gradient.split(axis: 0, mapping.rows) }
            for (key, part) in zip(mapping.keys, parts) {
                let expected = try values("gradient." + key)
                let largest = expected.reduce(0) { max($0, abs($1)) }
                expectClose(
                    actual: part.doubles(),
                    expected: expected,
                    absolute: max(relative * largest, floor(key)),
                    "gradient of \(key)"
                )
            }
        }
    }

    /// The losses of steps of AdamW as the reference trains.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - steps: How many.
    ///   - learningRate: The learning rate.
    ///   - loss: The loss of a step.
    /// - Returns: The loss before each step.
    /// - Throws: An error of the optimizer.
    static func train(
        _ model: some Module,
        steps: Int,
        learningRate: Double = 3e-3,
        loss: () -> Tensor
    ) throws -> [Double] {
        let parameters = model.namedParameters()
        let rule = UpdateRule.adam(Adam(beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decoupled: true))
        let group = ParameterGroup(name: "all", parameters: parameters, rule: rule, weightDecay: 0.1)
        let optimizer = try Optimizer(groups: [group], of: parameters)
        return (0..<steps).map { _ in
            let tape = Tape()
            let value = tape.record(loss)
            tape.backward(from: value)
            optimizer.step(learningRate: learningRate)
            optimizer.clearGradients()
            return value.item()
        }
    }

    /// What is written holds the same tensors under the same keys, bit for bit, as what the reference wrote.
    ///
    /// - Parameters:
    ///   - written: The folder that was written.
    ///   - ignored: Keys of the reference that are buffers.
    /// - Throws: `FileFormatError` when a file is missing or damaged.
    func compareFiles(_ written: String, ignoring ignored: Set<String> = []) throws {
        let (theirs, ours) = (try WeightFiles(path: folder), try WeightFiles(path: written))
        #expect(Set(theirs.names).subtracting(ignored) == Set(ours.names))
        for name in theirs.names where !ignored.contains(name) {
            #expect(theirs.shape(of: name) == ours.shape(of: name), "\(name)")
            #expect(try theirs.tensor(name).floats() == ours.tensor(name).floats(), "\(name)")
        }
    }
}
