/// The type of a tensor's elements.
public enum DType: String, Sendable, CaseIterable, CustomStringConvertible {
    /// IEEE 754 binary32: the type of master weights, statistics and reductions.
    case f32
    /// The upper half of a binary32: the type of activations in mixed precision.
    case bf16
    /// IEEE 754 binary64: the reference path and gradient checks.
    case f64
    /// A signed 32-bit integer: token ids, positions, indices.
    case i32
    /// An unsigned byte: masks (0 or 1).
    case u8

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .f32, .i32: 4
        case .bf16: 2
        case .f64: 8
        case .u8: 1
        }
    }

    /// The type of sums, statistics and losses of values of this type: f64 for f64, f32 for all others.
    public var accumulation: DType { self == .f64 ? .f64 : .f32 }

    /// Whether gradients can flow through values of this type.
    public var isFloatingPoint: Bool {
        switch self {
        case .f32, .bf16, .f64: true
        case .i32, .u8: false
        }
    }

    /// The type's name as error messages print it, for example `bf16`.
    public var description: String { rawValue }
}
