import CKernels
import YuyanTensorCore

/// Traps unless views have one shape, of at most eight axes.
func requireOneShape(_ door: String, _ views: (name: String, view: TensorView)...) {
    for (name, view) in views {
        require(
            view.shape == views[0].view.shape,
            "\(door): \(views[0].name) has shape \(views[0].view.shape), \(name) \(view.shape); "
                + "they must have one shape (broadcasting is said by strides of 0)"
        )
    }
    require(
        views[0].view.shape.rank <= 8,
        "\(door): the shape \(views[0].view.shape) has more than 8 axes"
    )
}

/// Traps unless views have one dtype, one of those allowed.
func requireOneType(_ door: String, _ allowed: [DType], _ views: (name: String, view: TensorView)...) {
    for (name, view) in views {
        require(
            view.dtype == views[0].view.dtype,
            "\(door): \(views[0].name) is \(views[0].view.dtype), \(name) \(view.dtype); they must agree"
        )
    }
    require(
        allowed.contains(views[0].view.dtype),
        "\(door): \(views[0].name) is \(views[0].view.dtype); it must be one of "
            + allowed.map(\.description).joined(separator: ", ")
    )
}

/// Traps unless views are contiguous.
func requireContiguous(_ door: String, _ views: (name: String, view: TensorView)...) {
    for (name, view) in views {
        require(
            view.isContiguous,
            "\(door): \(name) has shape \(view.shape) and strides \(view.strides); it must be contiguous"
        )
    }
}

/// Traps when an element of what is written has two places in the view.
func requireNoRepeats(_ door: String, _ out: TensorView) {
    require(
        out.elementCount == 0 || zip(out.shape.dimensions, out.strides).allSatisfy { $0 <= 1 || $1 != 0 },
        "\(door): out has shape \(out.shape) and strides \(out.strides); what is written must not repeat elements"
    )
}

extension DType {
    /// The floating dtypes.
    static let floating: [DType] = [.f32, .bf16, .f64]
}

extension UnaryOperation {
    /// The number of this operation in C.
    var kernelOperation: yk_unary_operation {
        switch self {
        case .negate: YK_NEGATE
        case .absolute: YK_ABSOLUTE
        case .exp: YK_EXP
        case .log: YK_LOG
        case .sqrt: YK_SQRT
        case .reciprocalSqrt: YK_RECIPROCAL_SQRT
        case .reciprocal: YK_RECIPROCAL
        case .square: YK_SQUARE
        case .sin: YK_SIN
        case .cos: YK_COS
        case .tanh: YK_UNARY_TANH
        case .sigmoid: YK_UNARY_SIGMOID
        case .relu: YK_UNARY_RELU
        case .gelu: YK_UNARY_GELU
        case .geluTanh: YK_UNARY_GELU_TANH
        case .silu: YK_UNARY_SILU
        case .softplus: YK_SOFTPLUS
        case .sign: YK_SIGN
        case .erf: YK_ERF
        }
    }

    /// Whether the operation is defined on integers.
    var takesIntegers: Bool {
        switch self {
        case .negate, .absolute, .square, .sign: true
        default: false
        }
    }
}

extension BinaryOperation {
    /// The number of this operation in C.
    var kernelOperation: yk_binary_operation {
        switch self {
        case .add: YK_ADD
        case .subtract: YK_SUBTRACT
        case .multiply: YK_MULTIPLY
        case .divide: YK_DIVIDE
        case .maximum: YK_MAXIMUM
        case .minimum: YK_MINIMUM
        case .power: YK_POWER
        }
    }
}

extension Comparison {
    /// The number of this comparison in C.
    var kernelComparison: yk_comparison {
        switch self {
        case .equal: YK_EQUAL
        case .notEqual: YK_NOT_EQUAL
        case .less: YK_LESS
        case .lessOrEqual: YK_LESS_OR_EQUAL
        case .greater: YK_GREATER
        case .greaterOrEqual: YK_GREATER_OR_EQUAL
        }
    }
}
