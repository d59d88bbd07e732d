import YuyanFileFormats
import YuyanOptimizers

/// An optimizer's state as a safetensors file.
enum OptimizerFile {
    static func save(_ optimizer: Optimizer, to path: String) throws {
        let tensors = optimizer.stateTensors()
        let writer = try SafetensorsWriter(
            path: path,
            metadata: ["format": "yuyan-optimizer"],
            entries: tensors.map { name, tensor in
                SafetensorsWriter.Entry(name, tensor.dtype.safetensorsType, tensor.shape.dimensions)
            }
        )
        let byName = Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        for name in writer.names {
            guard let tensor = byName[name] else { continue }
            try tensor.hostBytes().withUnsafeBytes { try writer.write($0, to: name) }
        }
        try writer.finish()
    }

    static func restore(_ optimizer: Optimizer, from path: String) throws {
        let file = try SafetensorsFile(path: path)
        try optimizer.restore(
            try file.names.map { name in
                let entry = try file.entry(name)
                guard let dtype = DType(entry.dtype) else {
                    throw TrainingError(
                        "\(path): \(name) is \(entry.dtype.rawValue), which no optimizer state is"
                    )
                }
                let tensor = try file.withBytes(of: name) {
                    Tensor(bytes: $0, shape: Shape(entry.shape), dtype: dtype)
                }
                return (name: name, tensor: tensor)
            }
        )
    }
}

extension DType {
    /// The same type in a safetensors file.
    fileprivate var safetensorsType: SafetensorsDType {
        switch self {
        case .f32: .f32
        case .bf16: .bf16
        case .f64: .f64
        case .i32: .i32
        case .u8: .u8
        }
    }

    fileprivate init?(_ type: SafetensorsDType) {
        switch type {
        case .f32: self = .f32
        case .bf16: self = .bf16
        case .f64: self = .f64
        case .i32: self = .i32
        case .u8: self = .u8
        default: return nil
        }
    }
}
