import Foundation
import YuyanFileFormats
import YuyanNeuralNetworks

/// The tensors of a model folder: one safetensors file, or several with an index.
public final class WeightFiles {
    /// The folder or file, for messages.
    public let path: String
    private let files: [SafetensorsFile]
    private let place: [String: Int]

    /// Opens a safetensors file, or a folder with `model.safetensors` or `model.safetensors.index.json`.
    ///
    /// With an index, each tensor is taken from the file that the index names, and must be there.
    ///
    /// - Parameter path: The file or folder.
    /// - Throws: `FileFormatError` naming the file and what is wrong with it.
    public init(path: String) throws(FileFormatError) {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw FileFormatError(.notFound, path: path, "no such file or folder")
        }
        let single = "\(path)/model.safetensors"
        let index = "\(path)/model.safetensors.index.json"
        if !isFolder.boolValue {
            files = [try SafetensorsFile(path: path)]
        } else if FileManager.default.fileExists(atPath: single) {
            files = [try SafetensorsFile(path: single)]
        } else if FileManager.default.fileExists(atPath: index) {
            (files, place) = try WeightFiles.shards(folder: path, index: index)
            return
        } else {
            throw FileFormatError(
                .notFound,
                path: path,
                "the folder holds neither model.safetensors nor model.safetensors.index.json"
            )
        }
        place = Dictionary(uniqueKeysWithValues: files[0].names.map { ($0, 0) })
    }

    private static func shards(
        folder: String,
        index: String
    ) throws(FileFormatError) -> ([SafetensorsFile], [String: Int]) {
        guard let map = try JSONValue(contentsOf: index)["weight_map"]?.objectValue else {
            throw FileFormatError(
                .malformed,
                path: index,
                at: .key("weight_map"),
                "must be an object from tensor names to file names"
            )
        }
        var files: [SafetensorsFile] = []
        var numbers: [String: Int] = [:]
        var place: [String: Int] = [:]
        for (key, value) in map {
            guard let name = value.stringValue, !name.contains("/"), !name.hasPrefix(".") else {
                throw FileFormatError(
                    .malformed,
                    path: index,
                    at: .key("weight_map.\(key)"),
                    "must be the name of a file in the same folder"
                )
            }
            if numbers[name] == nil {
                numbers[name] = files.count
                files.append(try SafetensorsFile(path: "\(folder)/\(name)"))
            }
            let number = numbers[name] ?? 0
            _ = try files[number].entry(key)
            place[key] = number
        }
        return (files, place)
    }

    /// The names of all tensors.
    public var names: [String] { place.keys.sorted() }

    /// The shape of a tensor, or nil when there is none of this name.
    ///
    /// - Parameter name: The tensor's name.
    /// - Returns: The extents.
    public func shape(of name: String) -> [Int]? {
        place[name].flatMap { files[$0].tensors[name]?.shape }
    }

    /// The file that holds a tensor, for messages.
    ///
    /// - Parameter name: The tensor's name.
    /// - Returns: Its path; the folder's when there is no such tensor.
    public func file(of name: String) -> String { place[name].map { files[$0].path } ?? path }

    /// Reads a tensor of floating-point numbers.
    ///
    /// - Parameters:
    ///   - name: The tensor's name.
    ///   - dtype: The dtype wanted; f16 and the others are converted.
    /// - Returns: A tensor of the file's shape.
    /// - Throws: `FileFormatError` when the tensor is missing or holds no floating-point numbers.
    public func tensor(_ name: String, dtype: DType = .f32) throws -> Tensor {
        guard let number = place[name] else {
            throw FileFormatError(.missing, path: path, at: .key(name), "no tensor of this name")
        }
        let file = files[number]
        let entry = try file.entry(name)
        let shape = Shape(entry.shape)
        return try file.withBytes(of: name) { bytes in
            switch entry.dtype {
            case .f32: return Tensor(bytes: bytes, shape: shape, dtype: .f32).cast(to: dtype)
            case .bf16: return Tensor(bytes: bytes, shape: shape, dtype: .bf16).cast(to: dtype)
            case .f64: return Tensor(bytes: bytes, shape: shape, dtype: .f64).cast(to: dtype)
            case .f16: return Tensor(WeightFiles.widened(bytes), shape: shape).cast(to: dtype)
            default:
                throw FileFormatError(
                    .mismatch,
                    path: file.path,
                    at: .key(name),
                    "holds \(entry.dtype.rawValue); weights must be F32, BF16, F16 or F64"
                )
            }
        }
    }

    /// IEEE half precision as Float.
    private static func widened(_ bytes: UnsafeRawBufferPointer) -> [Float] {
        (0..<bytes.count / 2).map { index in
            let bits = UInt32(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            let sign = (bits & 0x8000) << 16
            let exponent = (bits >> 10) & 0x1F
            let fraction = bits & 0x3FF
            switch exponent {
            case 0:
                let magnitude = Float(fraction) * 0x1p-24
                return sign == 0 ? magnitude : -magnitude
            case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
            default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
            }
        }
    }
}
