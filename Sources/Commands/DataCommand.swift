import ArgumentParser
import YuyanDatasets
import YuyanFileFormats
import YuyanTasks
import YuyanTextProcessing
import YuyanTraining

/// The command `yuyan data`.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Looks at data sets before anything is trained on them.",
        subcommands: [DataInspectCommand.self, DataOverlapCommand.self]
    )
}

/// The settings that data files are read with.
struct DataSettingOptions: ParsableArguments {
    @Option(
        name: .customLong("set"),
        parsing: .upToNextOption,
        help:
            "How to read them, as a recipe's section data says: format=tsv, header=false, columns.text=0, columns.label=1 …"
    )
    var settings: [String] = []

    /// Settings that are no way to read data but one to write texts: those of a recipe's section `generation`.
    var generation: [String] { settings.filter(Self.isOfGeneration) }

    /// The section of a recipe that has the settings; its name may stand before a key.
    private static let section = "data."

    private static func isOfGeneration(_ setting: String) -> Bool { setting.hasPrefix("generation.") }

    /// The settings for reading that are given.
    func object() throws -> JSONObject {
        var object = JSONObject()
        for setting in settings where !Self.isOfGeneration(setting) {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let path = parts.first.map { $0.hasPrefix(Self.section) ? $0.dropFirst(Self.section.count) : $0 }
            let keys = path?.split(separator: ".", maxSplits: 1).map(String.init) ?? []
            guard parts.count == 2, let key = keys.first else {
                throw ValidationError("--set \(setting): a setting is written key=value")
            }
            let value = Self.value(String(parts[1]))
            if keys.count == 2 {
                var members = object[key]?.objectValue ?? JSONObject()
                members[keys[1]] = value
                object[key] = .object(members)
            } else {
                object[key] = value
            }
        }
        return object
    }

    func dataSettings() throws -> DataSettings {
        let object = try object()
        do {
            return try DataSettings(object, path: "--set")
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// A number, true, false, null or an object where the text is one; else the text.
    private static func value(_ text: String) -> JSONValue {
        do {
            return try JSONValue(parsing: text)
        } catch {
            return .string(text)
        }
    }
}

/// What data files hold, and how they are read.
struct DataReadingOptions: ParsableArguments {
    @Option(help: "What the rows are: \(DataKind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var task = DataKind.text.rawValue

    @OptionGroup var reading: DataSettingOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func kind() throws -> DataKind {
        guard let kind = DataKind(rawValue: task) else {
            let known = DataKind.allCases.map(\.rawValue)
            let near = NameSuggestion.words(for: task, among: known)
            throw ValidationError("--task \(task): known are \(known.joined(separator: ", "))\(near)")
        }
        return kind
    }

    func dataSettings() throws -> DataSettings { try reading.dataSettings() }
}

/// The command `yuyan data inspect`.
struct DataInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows rows, labels, lengths, languages, repeated texts and malformed rows."
    )

    @Argument(help: "The files, plain or gzip.")
    var files: [String]

    @OptionGroup var options: DataReadingOptions

    @Option(help: "Write a page with pictures to this file, too.")
    var html: String?

    func run() throws {
        StopSignal.install()
        let console = Console()
        let (kind, settings) = (try options.kind(), try options.dataSettings())
        let inspection = try DataInspection(files, as: kind, settings: settings) { count in
            console.status("\(count) examples")
            return StopSignal.received == nil
        }
        if let html { try SafeFile.write(text: inspection.page.html, to: html) }
        print(options.json ? inspection.json.printed(indent: nil) : inspection.plain)
    }
}

/// The command `yuyan data overlap`.
struct DataOverlapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overlap",
        abstract:
            "Finds test examples that stand in training data: equal, nearly equal, or in long passages.",
        discussion: """
            Examples are numbered from 1 in the order of the files. Preparing a corpus with data.exclude_texts_of \
            leaves such documents out.
            """
    )

    @Option(parsing: .upToNextOption, help: "The files to learn from.")
    var train: [String]

    @Option(parsing: .upToNextOption, help: "The files to judge by.")
    var test: [String]

    @OptionGroup var options: DataReadingOptions

    func run() throws {
        let overlap = try DataOverlap(
            training: train,
            test: test,
            as: try options.kind(),
            settings: try options.dataSettings()
        )
        print(options.json ? overlap.json.printed(indent: nil) : overlap.plain)
    }
}
