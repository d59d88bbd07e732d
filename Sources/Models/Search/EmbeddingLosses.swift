import YuyanNeuralNetworks

// What sentence encoders learn by. Vectors come at length 1, so that products are cosines.

/// Rows brought to length 1; a row of zeros stays.
///
/// - Parameter x: [B, D].
/// - Returns: [B, D].
public func unitRows(_ x: Tensor) -> Tensor {
    // The square of 1e-12, PyTorch's least length, would be lost beside any other number of single precision.
    let squares = (x * x).sum(axis: 1, keepsAxis: true).affine(shift: 1e-18)
    return x / sqrt(squares)
}

/// The loss of texts whose right partners stand among many: the cross-entropy of each text over all candidates, their
/// cosines divided by a temperature as logits; summed over texts and multiplied by `scale`.
///
/// Traps when the shapes do not fit or a target is no candidate or left out.
///
/// Sources: van den Oord et al., «Representation learning with contrastive predictive coding», 2018; Henderson et al.,
/// «Efficient natural language response suggestion», 2017, for candidates of the same batch.
///
/// - Parameters:
///   - texts: Vectors at length 1 [B, D].
///   - candidates: Vectors at length 1 [C, D].
///   - targets: The right candidate of each text.
///   - excluded: For each text the candidates that do not count against it, for example further right ones.
///   - temperature: What cosines are divided by.
///   - scale: The factor on the sum.
/// - Returns: A scalar.
public func contrastiveLoss(
    _ texts: Tensor,
    _ candidates: Tensor,
    targets: [Int],
    excluded: [[Int]] = [],
    temperature: Double,
    scale: Float
) -> Tensor {
    let (rows, columns) = (texts.shape[0], candidates.shape[0])
    require(
        targets.count == rows && targets.allSatisfy { $0 >= 0 && $0 < columns }
            && (excluded.isEmpty || excluded.count == rows),
        "contrastiveLoss: \(targets.count) targets for \(rows) texts and \(columns) candidates"
    )
    var logits = matmul(texts, candidates.transposed()) * (1 / temperature)
    if excluded.contains(where: { !$0.isEmpty }) {
        var mask = [Float](repeating: 0, count: rows * columns)
        for (row, list) in excluded.enumerated() {
            for column in list {
                require(column != targets[row], "contrastiveLoss: the target of text \(row) is left out")
                mask[row * columns + column] = -1e9
            }
        }
        logits = logits + Tensor(mask, shape: [rows, columns]).cast(to: logits.dtype)
    }
    return crossEntropy(logits, targets: Tensor(targets.map { Int32($0) }, shape: [rows]), scale: scale)
}

/// The cosines of pairs.
///
/// - Parameters:
///   - first: Vectors at length 1 [B, D].
///   - second: Vectors at length 1 [B, D].
/// - Returns: [B].
public func pairCosines(_ first: Tensor, _ second: Tensor) -> Tensor { (first * second).sum(axis: 1) }

/// The squared errors of the cosines of pairs against scores, summed and multiplied by `scale`.
///
/// Traps when the shapes do not fit.
///
/// Source: Reimers, Gurevych, «Sentence-BERT», 2019.
///
/// - Parameters:
///   - first: Vectors at length 1 [B, D].
///   - second: Vectors at length 1 [B, D].
///   - scores: What the cosines should be.
///   - scale: The factor on the sum.
/// - Returns: A scalar.
public func cosineLoss(_ first: Tensor, _ second: Tensor, scores: [Double], scale: Float) -> Tensor {
    let cosines = pairCosines(first, second)
    require(scores.count == cosines.shape[0], "cosineLoss: \(scores.count) scores for \(cosines.shape) pairs")
    let wanted = Tensor(scores.map { Float($0) }, shape: [scores.count]).cast(to: cosines.dtype)
    let gaps = cosines - wanted
    return (gaps * gaps).sum() * Double(scale)
}

/// The loss of pairs whose cosines should stand in the order of their scores:
/// ln(1 + Σ exp((cos j − cos i) / temperature)) over all pairs of pairs with score i > score j; multiplied by `scale`.
///
/// Traps when the shapes do not fit.
///
/// Source: Su, «CoSENT», 2022.
///
/// - Parameters:
///   - first: Vectors at length 1 [B, D].
///   - second: Vectors at length 1 [B, D].
///   - scores: The score of each pair; only their order counts.
///   - temperature: What differences are divided by.
///   - scale: The factor on the loss.
/// - Returns: A scalar; 0 where all scores are equal.
public func rankingLoss(
    _ first: Tensor,
    _ second: Tensor,
    scores: [Double],
    temperature: Double,
    scale: Float
) -> Tensor {
    let cosines = pairCosines(first, second)
    let count = scores.count
    require(count == cosines.shape[0], "rankingLoss: \(count) scores for \(cosines.shape) pairs")
    let logits = cosines * (1 / temperature)
    // Row i, column j: cos j − cos i, or next to nothing where score i is not above score j.
    var mask = [Float](repeating: -1e9, count: count * count)
    for i in 0..<count {
        for j in 0..<count where scores[i] > scores[j] { mask[i * count + j] = 0 }
    }
    let gaps = logits.reshaped(1, count) - logits.reshaped(count, 1)
    let masked = gaps + Tensor(mask, shape: [count, count]).cast(to: logits.dtype)
    // ln(1 + Σ exp x) is the cross-entropy of the class 0 whose logit is 0.
    let zero = Tensor.zeros([1, 1], dtype: logits.dtype, backend: logits.backend)
    let all = concatenate([zero, masked.reshaped(1, count * count)], axis: 1)
    return crossEntropy(all, targets: Tensor([Int32(0)], shape: [1]), scale: scale)
}
