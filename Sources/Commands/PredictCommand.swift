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
            Every line of the input is a text, unless the file's name says that it is a table or JSON; then its columns \
            are those of the model's recipe, or those that --set names.
            """
    )

    @Argument(help: "The folder of a trained model.")
    var folder: String

    @Option(name: [.short, .long], help: "A text; repeat it for several.")
    var text: [String] = []

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
    }

    func run() throws {
        StopSignal.install()
        let console = Console()
        let recipe = try Recipe(modelFolder: folder, overrides: reading.generation)
        let task = try TaskCatalog.run(recipe, registryFolder: nil, version: YuyanCommand.version)
        let predictor = try task.predictor(folder: folder)
        let sink = try output.map { try AtomicFile(path: $0) }
        var answered = 0
        func answer(_ rows: [Record]) throws {
            var bytes: [UInt8] = []
            for object in try predictor.predict(rows) {
                bytes += JSONValue.object(object).printedBytes(indent: nil)
                bytes.append(10)
            }
            if let sink {
                try bytes.withUnsafeBytes { try sink.append($0) }
            } else {
                FileHandle.standardOutput.write(Data(bytes))
            }
            answered += rows.count
            console.status("\(answered) rows")
        }
        let name = predictor.inputRoles.first?.name ?? "text"
        if !text.isEmpty {
            let place = RecordPlace(path: "--text", line: nil)
            try answer(text.map { Record(names: [name], values: [.text($0)], place: place) })
        }
        if let input { try forEachChunk(of: input, predictor) { try answer($0) } }
        try sink?.commit()
    }

    private func forEachChunk(
        of path: String,
        _ predictor: any TaskPredictor,
        _ body: ([Record]) throws -> Void
    ) throws {
        let reader = RecordReader([path], settings: try settings(path, predictor))
        var rows: [Record] = []
        while let row = try reader.next() {
            rows.append(row)
            if rows.count == Self.chunk {
                try body(rows)
                rows = []
            }
        }
        if !rows.isEmpty { try body(rows) }
    }

    /// Lines are texts; other formats are read as the recipe's data were, without the columns that are to be answered.
    private func settings(_ path: String, _ predictor: any TaskPredictor) throws -> DataSettings {
        let given = try reading.dataSettings()
        let isNamed = reading.settings.count > reading.generation.count
        var settings = isNamed ? given : predictor.dataSettings
        if !isNamed { settings.format = DataFormat(path: path) }
        if (settings.format ?? DataFormat(path: path)) == .lines {
            settings.columns = [:]
            return settings
        }
        let roles = predictor.inputRoles
        let known = Set(roles.map(\.name))
        settings.columns = settings.columns.filter { known.contains($0.key) }
        // A table read by name needs the column of the first field at least.
        if let first = roles.first, settings.columns[first.name] == nil {
            let usual = predictor.usualColumn(first.name, in: settings.format ?? DataFormat(path: path))
            if !settings.columns.isEmpty || usual != .name(first.name) {
                settings.columns[first.name] = usual
            }
        }
        return settings
    }
}
