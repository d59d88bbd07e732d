import YuyanNeuralNetworks

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What a feature adds to the score of a tag at a word.
public struct TagContribution: Sendable, Hashable {
    /// The feature; for a step between tags both of them.
    public let name: String
    /// The word whose tag it speaks for.
    public let place: Int
    /// The words that the feature looks at, beyond the sentence's ends, too; none for a step and the bias.
    public let looksAt: [Int]
    /// The weight.
    public let value: Double
}

extension LinearChainCRFModel {
    /// What makes up the part of a sentence's score that depends on the tags of some words: the weights of the features
    /// at each, and of the steps into, between and out of them.
    ///
    /// Traps when there are not as many tags as words, a place or tag does not exist, or a column is missing.
    ///
    /// - Parameters:
    ///   - places: The words.
    ///   - path: The places of the tags of all words.
    ///   - words: The sentence.
    ///   - columns: The values of the further columns that the options look at.
    /// - Returns: The weights that are not 0.
    public func contributions(
        at places: [Int],
        of path: [Int],
        in words: [String],
        columns: [[String]] = []
    ) -> [TagContribution] {
        check(places, path, words)
        let features = options.features.features(of: words, columns: columns)
        var found: [TagContribution] = []
        var steps: Set<Int> = []
        for place in places {
            for feature in features[place] {
                let value = weight(feature, path[place])
                guard value != 0 else { continue }
                found.append(
                    TagContribution(
                        name: feature,
                        place: place,
                        looksAt: TaggingFeatureOptions.offsets(of: feature).map { place + $0 },
                        value: value
                    )
                )
            }
            // The step that leads to a word is told by its number.
            if place > 0 { steps.insert(place) }
            if place + 1 < words.count { steps.insert(place + 1) }
        }
        for place in steps.sorted() {
            let (from, to) = (path[place - 1], path[place])
            let value = transition(from, to)
            guard value != 0 else { continue }
            found.append(
                TagContribution(
                    name: "\(tags[from]) → \(tags[to])",
                    place: place,
                    looksAt: [],
                    value: value
                )
            )
        }
        return found
    }

    /// The part of a sentence's score that depends on the tags of some words.
    ///
    /// Traps as ``contributions(at:of:in:columns:)`` does.
    ///
    /// - Parameters:
    ///   - places: The words.
    ///   - path: The places of the tags of all words.
    ///   - words: The sentence.
    ///   - columns: The values of the further columns that the options look at.
    /// - Returns: The sum of what they score and of the steps that touch them.
    public func score(
        at places: [Int],
        of path: [Int],
        in words: [String],
        columns: [[String]] = []
    ) -> Double {
        check(places, path, words)
        let emissions = emissions(of: words, columns: columns)
        let steps = Set(places.flatMap { [$0, $0 + 1] }).filter { $0 > 0 && $0 < words.count }
        return places.reduce(0) { $0 + emissions[$1 * tags.count + path[$1]] }
            + steps.reduce(0) { $0 + transition(path[$1 - 1], path[$1]) }
    }

    /// How probable the tags of some words are together, whatever the other words' tags are.
    ///
    /// Traps as ``contributions(at:of:in:columns:)`` does.
    ///
    /// - Parameters:
    ///   - places: The words.
    ///   - path: The places of the tags of all words; only those of the places are looked at.
    ///   - words: The sentence.
    ///   - columns: The values of the further columns that the options look at.
    /// - Returns: The probability.
    public func probability(
        at places: [Int],
        of path: [Int],
        in words: [String],
        columns: [[String]] = []
    ) -> Double {
        check(places, path, words)
        let (count, width) = (words.count, tags.count)
        let emissions = emissions(of: words, columns: columns)
        var held = emissions
        for place in places {
            for tag in 0..<width where tag != path[place] { held[place * width + tag] = -1e6 }
        }
        let weights = LinearChainWeights(
            transitions: Tensor(
                (0..<width).flatMap { from in (0..<width).map { transition(from, $0) } },
                shape: [width, width]
            )
        )
        let sums = Tape.withoutRecording {
            linearChainLoss(Tensor(held + emissions, shape: [2, count, width]), weights: weights).doubles()
        }
        return exp(min(sums[0] - sums[1], 0))
    }

    private func check(_ places: [Int], _ path: [Int], _ words: [String]) {
        require(
            path.count == words.count && path.allSatisfy(tags.indices.contains)
                && places.allSatisfy(words.indices.contains) && Set(places).count == places.count,
            "LinearChainCRFModel: the words \(places) of \(words.count), with \(path.count) tags among \(tags.count)"
        )
    }
}

extension TaggingFeatureOptions {
    /// Which words a feature looks at, relative to the one that it is a feature of.
    ///
    /// - Parameter feature: One that ``features(of:columns:)`` gave.
    /// - Returns: The distances, none twice; none for the bias.
    static func offsets(of feature: String) -> [Int] {
        let name = feature.utf8.prefix { $0 != UInt8(ascii: "=") }
        let at = UInt8(ascii: "@")
        if name.contains(at) {
            // Templates tell the place of each word: pos@-1/pos@0.
            return Set(
                name.split(separator: UInt8(ascii: "/")).compactMap { part in
                    part.lastIndex(of: at).flatMap { Int(String(Substring(part[part.index(after: $0)...]))) }
                }
            ).sorted()
        }
        guard let kind = name.first, let offset = Int(String(Substring(name.dropFirst()))) else { return [] }
        switch kind {
        case UInt8(ascii: "w"), UInt8(ascii: "s"): return [offset]
        case UInt8(ascii: "p"): return [offset, offset + 1]
        // Beginnings and ends of the word itself, by their length.
        default: return [0]
        }
    }
}
