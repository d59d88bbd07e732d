import Foundation
import YuyanFileFormats
import YuyanTensors

/// A fixture of named tensors that another program computed: a safetensors file under `Fixtures/`.
public struct GoldenFile: Sendable {
    private let file: SafetensorsFile

    /// The folder `Fixtures/` of the repository.
    public static let fixtures = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    /// Opens a fixture.
    ///
    /// - Parameter path: The path under `Fixtures/`.
    /// - Throws: `FileFormatError` when it is missing or damaged.
    public init(_ path: String) throws {
        file = try SafetensorsFile(path: GoldenFile.fixtures.appending(path: path).path)
    }

    /// The bytes of a fixture of another kind, for example JSON.
    ///
    /// - Parameter path: The path under `Fixtures/`.
    /// - Throws: An error of Foundation when it cannot be read.
    /// - Returns: The bytes.
    public static func data(_ path: String) throws -> Data {
        try Data(contentsOf: fixtures.appending(path: path))
    }

    /// The names of the tensors.
    public var names: [String] { file.names }

    /// Whether there is a tensor of this name.
    public func has(_ name: String) -> Bool { file.tensors[name] != nil }

    /// The elements of a tensor of F64, F32, I32 or I64, row-major.
    ///
    /// - Parameter name: The tensor's name.
    /// - Throws: `FileFormatError` when the tensor is missing or of another type.
    /// - Returns: The elements.
    public func doubles(_ name: String) throws -> [Double] {
        switch try file.entry(name).dtype {
        case .f32: try file.elements(of: name, dtype: .f32, as: Float.self).map(Double.init)
        case .i32: try file.elements(of: name, dtype: .i32, as: Int32.self).map(Double.init)
        case .i64: try file.elements(of: name, dtype: .i64, as: Int64.self).map(Double.init)
        default: try file.elements(of: name, dtype: .f64, as: Double.self)
        }
    }

    /// A tensor in a dtype; whole numbers come out as i32 whatever is asked for.
    ///
    /// - Parameters:
    ///   - name: The tensor's name.
    ///   - dtype: What its numbers are converted to.
    /// - Throws: `FileFormatError` when the tensor is missing or of a type that is not read.
    /// - Returns: The tensor.
    public func tensor(_ name: String, as dtype: DType) throws -> Tensor {
        let entry = try file.entry(name)
        let shape = Shape(entry.shape)
        let values = try doubles(name)
        if entry.dtype == .i32 || entry.dtype == .i64 {
            return Tensor(values.map { Int32($0) }, shape: shape)
        }
        return Tensor(values, shape: shape, dtype: dtype)
    }
}
