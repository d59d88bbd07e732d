import ArgumentParser
import Foundation
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTraining

/// The command `yuyan predict`.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract:
            "Answers rows with a trained model: labels with their probabilities, one JSON object a line.",
        discussion: """
            Every line of the input is a text, unless the file's name or --set format=… says that it is a table or JSON; \
            then it is read as the recipe's section data says, but for the settings that --set gives. Where on_error is \
            skip, a malformed row is answered with {"error": …, "line": …}.
            """
    )

    @Argument(help: "The folder of a trained model.")
    var folder: String

    @Option(name: [.short, .long], help: "A text; repeat it for several.")
    var text: [String] = []

    @Option(help: "The second text of a pair; of several texts each is paired with it.")
    var pair: String?

    @Option(name: [.short, .long], help: "A file of texts, plain or gzip.")
    var input: String?

    @OptionGroup var reading: DataSettingOptions

    @Option(name: [.short, .long], help: "The file to write; standard output when not given.")
    var output: String?

    /// How many rows are answered at a time.
    private static let chunk = 1024

    func validate() throws {
        guard !text.isEmpty || input != nil else {
            throw ValidationError("nothing to answer: give --text or --input")
        }
        guard pair == nil || !text.isEmpty else {
            throw ValidationError("--pair is the second text beside --text, which is not given")
        }
    }

    func run() throws {
        StopSignal.install()
        let console = Console()
        let given = try reading.object()
        let own = try Recipe(modelFolder: folder, overrides: reading.generation)
        var recipe = try own.reading(given)
        // How files give labels does not change what the model answers with.
        recipe.data.examples.settings.multiLabel = own.data.examples.settings.multiLabel
        recipe.data.examples.settings.labelSeparator = own.data.examples.settings.labelSeparator
        let task = try TaskCatalog.run(recipe, registryFolder: nil, version: YuyanCommand.version)
        let predictor = try task.predictor(folder: folder)
        let sink = try output.map { try AtomicFile(path: $0) }
        var answered = 0
        func write(_ objects: [JSONObject]) throws {
            var bytes: [UInt8] = []
            for object in objects {
                bytes += JSONValue.object(object).printedBytes(indent: nil)
                bytes.append(10)
            }
            if let sink {
                try bytes.withUnsafeBytes { try sink.append($0) }
            } else {
                FileHandle.standardOutput.write(Data(bytes))
            }
        }
        func answer(_ rows: [Record]) throws {
            try write(try predictor.predict(rows))
            answered += rows.count
            console.status("\(answered) rows")
        }
        if !text.isEmpty { try answer(text.map { try predictor.row(text: $0, pair: pair) }) }
        if let input {
            let names = given["format"].map { !$0.isNull && $0.stringValue != "auto" } ?? false
            let settings = settings(input, predictor, names: names)
            var (malformed, first): (Int, FileFormatError?) = (0, nil)
            try forEachChunk(of: input, settings, predictor, answer) { error in
                malformed += 1
                first = first ?? error
                try write([Self.refusal(error)])
            }
            if let first {
                console.note(
                    "warning: \(malformed) malformed rows answered with their error; the first: \(first)"
                )
            }
        }
        try sink?.commit()
    }

    /// Rows in their order; what is wrong with malformed ones, where the settings leave them out, in their places.
    private func forEachChunk(
        of path: String,
        _ settings: DataSettings,
        _ predictor: any TaskPredictor,
        _ body: ([Record]) throws -> Void,
        malformed: (FileFormatError) throws -> Void
    ) throws {
        let reader = reader(path, settings, predictor)
        var rows: [Record] = []
        func flush() throws {
            guard !rows.isEmpty else { return }
            try body(rows)
            rows = []
        }
        while let result = try reader.nextResult() {
            switch result {
            case .success(let row):
                if settings.onError == .skip, let error = Self.error(of: row, predictor) {
                    try flush()
                    try malformed(error)
                    continue
                }
                rows.append(row)
                if rows.count == Self.chunk { try flush() }
            case .failure(let error):
                try flush()
                try malformed(error)
            }
        }
        try flush()
    }

    /// Why a row cannot be answered; nil when it can.
    private static func error(of row: Record, _ predictor: any TaskPredictor) -> FileFormatError? {
        do {
            try predictor.check(row)
            return nil
        } catch {
            let known = error as? FileFormatError
            return row.place.stated(known ?? FileFormatError(.malformed, "\(error)"))
        }
    }

    /// The answer to a malformed row.
    private static func refusal(_ error: FileFormatError) -> JSONObject {
        var object = JSONObject()
        object["error"] = .string(error.message)
        switch error.location {
        case .line(let line, _)?: object["line"] = .integer(line)
        case .offset(let offset)?: object["offset"] = .integer(offset)
        case .key?, nil: break
        }
        return object
    }

    /// How the input is read: as the recipe's data were, in the format that is named or that the file's name tells,
    /// without the columns that are to be answered; lines are texts.
    private func settings(_ path: String, _ predictor: any TaskPredictor, names format: Bool) -> DataSettings
    {
        var settings = predictor.dataSettings
        settings.recordsKey = settings.recordsKey ?? predictor.recordsKey
        if !format { settings.format = DataFormat(path: path) }
        // What is to be answered needs no label.
        settings.multiLabel = true
        let known = settings.format == .lines ? [] : Set(predictor.inputRoles.map(\.name))
        settings.columns = settings.columns.filter { known.contains($0.key) }
        return settings
    }

    /// Reads rows with the model's fields, or, where these are columns of their own names, with all that a file has.
    private func reader(
        _ path: String,
        _ settings: DataSettings,
        _ predictor: any TaskPredictor
    ) -> RecordReader {
        let (roles, format) = (predictor.inputRoles, settings.format ?? DataFormat(path: path))
        let isPlain = roles.allSatisfy { predictor.usualColumn($0.name, in: format) == .name($0.name) }
        guard format != .lines, !settings.columns.isEmpty || !isPlain else {
            return RecordReader([path], settings: settings)
        }
        return RecordReader(
            [path],
            settings: settings,
            roles: roles,
            usualColumn: predictor.usualColumn(_:in:)
        )
    }
}
