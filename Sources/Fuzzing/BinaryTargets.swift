import YuyanDatasets
import YuyanFileFormats
import YuyanTextProcessing
import YuyanTokenizers

extension FuzzTargets {
    /// The readers of binary files and of the program's own files.
    public static let binary: [FuzzTarget] = [
        json, safetensors, npy, tokenShard, description, signatures, labels, characterModel, languageModel,
    ]

    private static func bytes(_ numbers: [some FixedWidthInteger]) -> [UInt8] {
        numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
    }

    private static let json = FuzzTarget(
        "json-value",
        "JSON documents: parsed, printed and parsed again",
        make: mutations(
            of: [
                #"{"a":[1,-2.5e3,true,null,"\u4e00\ud83d\ude00\n"],"b":{"c":{}},"é":"语"}"#,
                "[[[[1]]],0.1,1e999,-0]",
                "\"x\"",
            ].map { Array($0.utf8) },
            words: [
                "{\"a\":", "[", "]", "}", ",", "\"", "\\u", "\\ud83d", "1e", "-", "null", "true", "[[[[[[[[",
            ]
        )
    ) { input in
        let value = try JSONValue(parsing: input.bytes)
        let printed = value.printedBytes(indent: input.random.oneIn(2) ? 2 : nil)
        guard let again = try? JSONValue(parsing: printed), again == value else {
            throw FuzzFinding("is not the same after printing")
        }
        return true
    }

    private static let safetensors: FuzzTarget = {
        let header = Array(
            (#"{"__metadata__":{"a":"b"},"b":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"#
                + #""c":{"dtype":"U8","shape":[3],"data_offsets":[16,19]},"d":{"dtype":"BF16","shape":[],"data_offsets":[19,21]}}"#)
                .utf8
        )
        let seed = bytes([UInt64(header.count)]) + header + Array(repeating: 7, count: 21)
        let words = [
            "dtype", "shape", "data_offsets", "F64", "[0,16]", "[]", "-1", "__metadata__", "\"", ",",
        ]
        return FuzzTarget("safetensors", "tensors of safetensors", make: mutations(of: [seed], words: words))
        { input in
            let file = try SafetensorsFile(path: input.file("case.safetensors"))
            let size = input.bytes.count
            for name in file.names {
                let sum = try file.withBytes(of: name) { $0.reduce(0) { $0 &+ Int($1) } }
                guard sum >= 0, try file.entry(name).byteRange.upperBound <= size else {
                    throw FuzzFinding("a tensor outside the file")
                }
            }
            return true
        }
    }()

    private static let npy: FuzzTarget = {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        let header = Array(text.utf8) + Array(repeating: 32, count: 117 - text.utf8.count) + [10]
        let seed =
            [0x93] + Array("NUMPY".utf8) + [1, 0] + bytes([UInt16(header.count)]) + header
            + Array(repeating: 1, count: 24)
        return FuzzTarget(
            "npy",
            "arrays of NumPy",
            make: mutations(
                of: [seed],
                words: [
                    "'shape'", "(2, 3)", "()", "(0,)", "'<i8'", "True", "'descr'", "4294967296, 4294967296",
                ]
            )
        ) { input in
            let file = try NPYFile(path: input.file("case.npy"))
            _ = file.withBytes { $0.reduce(0) { $0 &+ Int($1) } }
            return true
        }
    }()

    private static let tokenShard = FuzzTarget(
        "token-shard",
        "token shards with their documents' offsets",
        make: mutations(
            of: [
                bytes([1, 2, 3, 9, 65535, 0] as [UInt16]) + FuzzInput.separator
                    + bytes([0, 2, 5, 6] as [UInt64]),
                bytes([1, 2, 70_000] as [UInt32]) + FuzzInput.separator + bytes([0, 3] as [UInt64]),
            ],
            words: ["\n\u{1}\u{1}\n"]
        )
    ) { input in
        let (tokens, offsets) = input.halves
        let path = try input.file("train.bin", tokens)
        let index = input.random.oneIn(4) ? nil : try input.file("train.idx", offsets)
        let shard = try TokenShard(
            path: path,
            width: input.random.oneIn(2) ? .uint16 : .uint32,
            indexPath: index
        )
        var count = 0
        for number in 0..<shard.documentCount { count += shard[shard.range(ofDocument: number)].count }
        guard count == shard.count else {
            throw FuzzFinding("\(count) of \(shard.count) tokens stand in documents")
        }
        try shard.checkTokens(below: 1 << 20)
        _ = try TokenShard(path: path, width: .uint16)
        return true
    }

    private static let description: FuzzTarget = {
        var part = DatasetDescription.Part()
        (part.tokens, part.documents) = (6, 3)
        var whole = DatasetDescription()
        (whole.train, whole.validation, whole.vocabularySize) = (part, part, 300)
        let document = whole.json
        let offsets = bytes([0, 2, 5, 6] as [UInt64])
        return FuzzTarget(
            "dataset-description",
            "dataset.json of a prepared folder",
            make: mutations(of: [document], words: ["uint16", "uint32", "train", "validation", "tokens"])
        ) { input in
            _ = try input.file(DatasetDescription.fileName)
            for name in ["train", "validation"] {
                _ = try input.file("\(name).bin", Array(repeating: 1, count: 12))
                _ = try input.file("\(name).idx", offsets)
            }
            let data = try PreparedDataset(folder: input.folder)
            _ = data.validationSet(sequenceLength: 2)
            return true
        }
    }()

    private static let documents = (0..<6).map { number in
        (0..<30).map { "word\($0 * (number % 4 + 1) % 31)" }.joined(separator: " ")
    }

    private static let signatures = FuzzTarget(
        "signatures",
        "stored signatures of near-duplicates with their shingles, and documents added to them",
        make: mutations(of: documents.map { Array($0.utf8) }, words: ["word", " ", "一", "\u{0}"])
    ) { input in
        let settings = NearDuplicateSettings(permutations: 16, verification: .shingles, sortMemory: 1 << 16)
        let folder = "\(input.folder)/signatures"
        var index: NearDuplicateIndex? = try NearDuplicateIndex(folder: folder, settings: settings)
        if index?.count ?? 0 > 40 { throw FuzzFinding("the store holds what was never added") }
        try index?.add(contentsOf: documents.shuffled(using: &input.random) + [input.text])
        try index?.sync()
        _ = try index?.clusters()
        index = nil
        var found = false
        for name in ["signatures.bin", "shingles.bin"] {
            let path = "\(folder)/\(name)"
            let whole = try SafeFile.read(path)
            defer { _ = try? SafeFile.write([], to: path) }
            _ = try input.file("signatures/\(name)", ByteMutator().damaged(whole, using: &input.random))
            do {
                let again = try NearDuplicateIndex(folder: folder, settings: settings)
                found = try again.clusters().count >= 0 || found
            } catch is FileFormatError {}
        }
        return found
    }

    private static let labels = FuzzTarget(
        "labels",
        "vocabularies of labels",
        make: mutations(
            of: [["labels": ["a", "b", "一"], "counts": [3, 2, 1]], ["labels": ["x"]]],
            words: ["labels", "counts", "a"]
        )
    ) { input in
        let labels = try LabelVocabulary(contentsOf: input.file("labels.json"))
        let path = "\(input.folder)/again.json"
        try labels.write(to: path)
        guard try LabelVocabulary(contentsOf: path) == labels else {
            throw FuzzFinding("is not the same when saved")
        }
        return true
    }

    private static let characterModel: FuzzTarget = {
        var trainer = CharacterModelTrainer(order: 3)
        for document in documents { trainer.add(document) }
        let seed = trainer.finish().serialized()
        let damage = mutations(of: [seed], words: [])
        return FuzzTarget(
            "character-model",
            "models of characters, with a right fingerprint in half of the cases"
        ) { random in
            var bytes = damage(&random)
            if random.oneIn(2), bytes.count > 48 {
                let print = bytes.withUnsafeBytes {
                    TextFingerprint(bytes: UnsafeRawBufferPointer(rebasing: $0[48...]))
                }
                bytes.replaceSubrange(32..<48, with: FuzzTargets.bytes([print.high, print.low]))
            }
            return bytes
        } check: { input in
            let model = try CharacterModel(bytes: input.bytes)
            _ = model.perplexity(of: documents[2] + "一\u{0}x")
            return true
        }
    }()

    private static let languageModel: FuzzTarget = {
        let seed = LanguageIdentifier.shared.serialized()
        let mutator = ByteMutator(words: [" ", "en"], limit: 1 << 20)
        return FuzzTarget("language-model", "weights of the languages' identifier") { random in
            // The interesting part is the first: names, classes, biases.
            var head = mutator.damaged(Array(seed[..<16384]), using: &random)
            if !random.oneIn(4) { head = Array(head.prefix(16384)) + seed[min(head.count, 16384)..<16384] }
            return head + seed[16384...]
        } check: { input in
            let identifier = try LanguageIdentifier(bytes: input.bytes)
            for text in ["The quick brown fox", "语言模型", "let x = [1]", ""] {
                let guess = identifier.identify(text)
                guard guess.probability >= 0, guess.probability <= 1 else { throw FuzzFinding("\(guess)") }
            }
            return true
        }
    }()
}
