/// What a recurrent layer computes at each position, with its gates in PyTorch's order.
///
/// x are the gates' pre-activations as far as the input makes them, h the state before, W and b the recurrent weight and
/// bias.
public enum RecurrentCell: String, Sendable, CaseIterable {
    /// Gates i, f, g, o of x + W h + b: c ← σ(f)·c + σ(i)·tanh(g), h ← σ(o)·tanh(c).
    ///
    /// Source: Hochreiter, Schmidhuber, 1997; the forget gate after Gers, Schmidhuber, Cummins, 2000.
    case lstm
    /// Gates r, z, n: r and z as above, n = tanh(x + σ(r)·(W h + b)), h ← (1 − σ(z))·n + σ(z)·h.
    ///
    /// Source: Cho et al., 2014, with the reset gate after the product, as in PyTorch and cuDNN.
    case gru
    /// h ← tanh(x + W h + b). Source: Elman, 1990.
    case tanh
    /// h ← max(x + W h + b, 0).
    case relu

    /// The number of gates G.
    public var gateCount: Int {
        switch self {
        case .lstm: 4
        case .gru: 3
        case .tanh, .relu: 1
        }
    }

    /// Whether there is a cell state c beside the hidden state h.
    public var hasCellState: Bool { self == .lstm }

    /// Whether the backward pass needs a value per unit beside the gates: the LSTM's c, the GRU's W h + b of n.
    public var keepsMemory: Bool { self == .lstm || self == .gru }
}

/// One direction of a recurrent layer over sequences of H units with G gates.
///
/// «Wide» stands for f64 in a call of f64 and for f32 otherwise.
public struct RecurrentScan {
    /// Whether sequences run from their last position to the first.
    public var isReversed = false
    /// The pre-activations [B, T, G·H], wide; strided with unit stride in the last axis; holds the activated gates
    /// afterwards when `keepsGates`.
    public var gates: TensorView
    /// What the backward pass needs beside the gates [B, T, H], wide, contiguous: for cells that keep memory, and only
    /// where `keepsGates`.
    public var memory: TensorView?
    /// The recurrent weight [G·H, H], contiguous.
    public var weight: TensorView
    /// The recurrent bias [G·H], any dtype that goes with the weight's, or nil.
    public var bias: TensorView?
    /// The hidden states [B, T, H]; strided with unit stride in H.
    public var out: TensorView
    /// The hidden state before the first step [B, H], contiguous, or nil for zeros.
    public var initialHidden: TensorView?
    /// The cell state before the first step [B, H], contiguous, or nil for zeros.
    public var initialCell: TensorView?
    /// The hidden state after the last step [B, H], contiguous.
    public var finalHidden: TensorView?
    /// The cell state after the last step [B, H], wide, contiguous.
    public var finalCell: TensorView?

    /// Describes a direction from the first position on, without bias and states.
    public init(gates: TensorView, weight: TensorView, out: TensorView) {
        self.gates = gates
        self.weight = weight
        self.out = out
    }
}

/// The recurrent part of a layer over a batch of sequences: everything but the product with the input.
///
/// Positions from a sequence's length on give zeros in `out`, and their pre-activations are not read. The reversed
/// direction begins at a sequence's last real position; a sequence's final state is that at its last step, and the
/// initial one when it has no position. A sequence's results do not depend on the others in the batch, bit for bit.
public struct RecurrentForward {
    /// The cell.
    public var cell: RecurrentCell
    /// The lengths i32 [B], each in 0...T; nil when all are T.
    public var lengths: TensorView?
    /// The directions, independent of each other; weights and outputs have one dtype.
    public var scans: [RecurrentScan]
    /// Whether gates and memory are written for the backward pass.
    public var keepsGates: Bool

    /// Describes a forward pass.
    public init(cell: RecurrentCell, lengths: TensorView?, scans: [RecurrentScan], keepsGates: Bool) {
        self.cell = cell
        self.lengths = lengths
        self.scans = scans
        self.keepsGates = keepsGates
    }
}

/// The gradient of one ``RecurrentScan``.
public struct RecurrentScanGradient {
    /// The gradient of `out` [B, T, H], of its dtype; strided with unit stride in H; nil for zeros.
    public var out: TensorView?
    /// The gradient of the final hidden state [B, H], contiguous, or nil for zeros.
    public var finalHidden: TensorView?
    /// The gradient of the final cell state [B, H], contiguous, or nil for zeros.
    public var finalCell: TensorView?
    /// Receives the hidden states before each step [B, T, H], of out's dtype, contiguous; zeros beyond a length.
    public var previousHidden: TensorView
    /// Receives the gradient of the initial hidden state [B, H], wide, contiguous.
    public var initialHidden: TensorView?
    /// Receives the gradient of the initial cell state [B, H], wide, contiguous.
    public var initialCell: TensorView?

    /// Describes the gradient of a direction.
    public init(previousHidden: TensorView) {
        self.previousHidden = previousHidden
    }
}

/// The gradient of ``RecurrentForward``.
///
/// The gates of each scan are replaced by the gradients of the pre-activations, and the GRU's memory by the gradient
/// of W h + b of n. The recurrent weight's gradient is then gatesᵀ · previousHidden over all positions (with the memory
/// in the place of n's gate), the bias's the sum of the same rows.
public struct RecurrentBackward {
    /// The forward pass with what it kept.
    public var forward: RecurrentForward
    /// The gradients, one for each scan.
    public var gradients: [RecurrentScanGradient]

    /// Describes a backward pass.
    public init(forward: RecurrentForward, gradients: [RecurrentScanGradient]) {
        self.forward = forward
        self.gradients = gradients
    }
}
