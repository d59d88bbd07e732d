/// A convolution over the positions of sequences [B, T, C].
///
/// Parameters have PyTorch's names and layout (`weight` [out, in, K], `bias` [out]), so that state dictionaries of
/// `nn.Conv1d` fit as they are; the input is [B, T, C] where PyTorch takes [B, C, T]. Positions beyond a sequence's
/// length take part with whatever they hold: pass `lengths`, or zeros, so that padding a batch changes no result.
public final class Convolution1D: Module {
    /// The weight [out, in, K].
    public let weight: Parameter
    /// The bias [out].
    public let bias: Parameter?
    /// How the window moves.
    public let window: WindowOptions

    /// Makes a convolution; weight and bias begin as PyTorch's, uniform within 1/√(in·K).
    ///
    /// Traps when an extent is not positive.
    ///
    /// - Parameters:
    ///   - inputWidth: The width of the input C.
    ///   - outputWidth: The width of the output.
    ///   - window: How the window moves.
    ///   - hasBias: Whether there is a bias.
    ///   - random: Where the draws come from; advances.
    public init(
        inputWidth: Int,
        outputWidth: Int,
        window: WindowOptions,
        hasBias: Bool = true,
        random: inout RandomSource
    ) {
        require(
            inputWidth > 0 && outputWidth > 0,
            "Convolution1D: the widths \(inputWidth) → \(outputWidth) must be positive"
        )
        let bound = 1 / Double(inputWidth * window.width).squareRoot()
        let initializer = Initializer.uniform(bound: bound)
        weight = Parameter(initializer.tensor([outputWidth, inputWidth, window.width], random: &random))
        bias = hasBias ? Parameter(initializer.tensor([outputWidth], random: &random)) : nil
        self.window = window
    }

    /// Applies the convolution in x's dtype.
    ///
    /// Traps when the last axis is not the input's width.
    ///
    /// - Parameters:
    ///   - x: Sequences [B, T, C].
    ///   - lengths: The lengths i32 [B]: positions beyond are taken for zeros; nil when all are T.
    ///   - activation: Applied inside the product.
    /// - Returns: [B, windows, out] of x's dtype.
    public func callAsFunction(
        _ x: Tensor,
        lengths: Tensor? = nil,
        activation: Activation = .identity
    ) -> Tensor {
        require(
            x.rank == 3 && x.shape[2] == weight.shape[1],
            "Convolution1D: \(x.shape) does not fit; [B, T, \(weight.shape[1])] is wanted"
        )
        let source = masked(x, lengths: lengths)
        let (columns, outputWidth) = (weight.shape[1] * window.width, weight.shape[0])
        let parts = windows(source, window)
        let (batch, count) = (parts.shape[0], parts.shape[1])
        let filters = weight.tensor(as: x.dtype)
        // A window lies as [K, C] in memory, a filter as [C, K]: the fewer ones are brought to the others' order.
        let movesWindows = batch * count < outputWidth
        let matrix = movesWindows ? filters : filters.permuted([0, 2, 1])
        let rows = movesWindows ? parts.permuted([0, 1, 3, 2]) : parts
        return linear(
            rows.reshaped(batch, count, columns),
            weight: matrix.reshaped(outputWidth, columns),
            bias: bias?.tensor(),
            activation: activation
        )
    }

    /// The filters as ``windowMaxima(_:filters:lengths:)`` takes them.
    ///
    /// Traps when the window does not move by one position or its positions lie apart.
    ///
    /// - Parameter dtype: The dtype of the weights.
    /// - Returns: The filters.
    public func filters(as dtype: DType) -> WindowFilters {
        require(
            window.stride == 1 && window.dilation == 1,
            "Convolution1D: largest values need windows side by side; stride \(window.stride), dilation \(window.dilation)"
        )
        return WindowFilters(
            weight: weight.tensor(as: dtype).permuted([0, 2, 1]),
            bias: bias?.tensor(),
            leading: window.leading,
            trailing: window.trailing
        )
    }

    /// The lengths of the result for sequences of given lengths: the windows that fit over each, with its padding.
    ///
    /// - Parameter lengths: Lengths of inputs.
    /// - Returns: Lengths of outputs.
    public func outputLengths(_ lengths: [Int]) -> [Int] { lengths.map { window.count(over: $0) } }
}
