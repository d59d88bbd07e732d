import Foundation
import GRDB

/// The runs of a project folder, in SQLite: `.yuyan/runs.sqlite`.
public struct RunRegistry: Sendable {
    /// A recorded run.
    public struct Run: Sendable, Equatable, Codable, FetchableRecord, MutablePersistableRecord {
        /// The table's name.
        public static let databaseTableName = "run"
        /// The number, given at the first insertion.
        public var id: Int64?
        /// When it began, in seconds since 1970.
        public var started: Double
        /// When it ended.
        public var ended: Double?
        /// What kind of work, for example `language-modeling`.
        public var task: String
        /// Where it writes.
        public var outputDir: String
        /// `running`, `finished`, `stopped early`, `interrupted` or `failed`.
        public var status: String
        /// The recipe as it was resolved, JSON.
        public var recipe: String
        /// The data's fingerprint.
        public var dataFingerprint: String
        /// The machine and its kernels.
        public var machine: String
        /// The program's version.
        public var version: String
        /// Steps done.
        public var step: Int
        /// The figures at the end, JSON.
        public var metrics: String

        /// Describes a run that begins now.
        public init(
            task: String,
            outputDir: String,
            recipe: String,
            dataFingerprint: String,
            machine: String,
            version: String
        ) {
            started = Date().timeIntervalSince1970
            self.task = task
            self.outputDir = outputDir
            status = "running"
            self.recipe = recipe
            self.dataFingerprint = dataFingerprint
            self.machine = machine
            self.version = version
            step = 0
            metrics = "{}"
        }

        /// Takes the number that the database gave.
        public mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
    }

    /// A figure at a step.
    private struct Point: Codable, PersistableRecord {
        static let databaseTableName = "point"
        var run: Int64
        var step: Int
        var key: String
        var value: Double
    }

    private let queue: DatabaseQueue

    /// Opens or makes the registry of a folder.
    ///
    /// - Parameter folder: The project's folder; the registry is `.yuyan/runs.sqlite` below it.
    /// - Throws: ``TrainingError`` with the path when it cannot be opened.
    public init(folder: String) throws {
        let path = "\(folder)/.yuyan/runs.sqlite"
        do {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/.yuyan",
                withIntermediateDirectories: true
            )
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            queue = try DatabaseQueue(path: path, configuration: configuration)
            var migrator = DatabaseMigrator()
            migrator.registerMigration("runs") { database in
                try database.create(table: "run") { table in
                    table.autoIncrementedPrimaryKey("id")
                    table.column("started", .double).notNull()
                    table.column("ended", .double)
                    for name in [
                        "task", "outputDir", "status", "recipe", "dataFingerprint", "machine", "version",
                    ] {
                        table.column(name, .text).notNull()
                    }
                    table.column("step", .integer).notNull()
                    table.column("metrics", .text).notNull()
                }
                try database.create(table: "point") { table in
                    table.column("run", .integer).notNull().references("run", onDelete: .cascade)
                    table.column("step", .integer).notNull()
                    table.column("key", .text).notNull()
                    table.column("value", .double).notNull()
                    table.primaryKey(["run", "key", "step"], onConflict: .replace)
                }
            }
            try migrator.migrate(queue)
        } catch {
            throw TrainingError("the registry of runs at \(path) cannot be opened: \(error)")
        }
    }

    /// Records a run that begins, or goes on in the same folder with the same recipe.
    ///
    /// - Returns: The run with its number.
    /// - Throws: When the database refuses.
    public func begin(_ run: Run) throws -> Run {
        try queue.write { database in
            let known = try Run.filter(Column("outputDir") == run.outputDir && Column("recipe") == run.recipe)
                .order(Column("id").desc).fetchOne(database)
            if var known, known.status != "finished", known.status != "stopped early" {
                known.status = "running"
                known.ended = nil
                try known.update(database)
                return known
            }
            var new = run
            try new.insert(database)
            return new
        }
    }

    /// Updates a run.
    ///
    /// - Throws: When the database refuses.
    public func update(_ run: Run) throws { try queue.write { try run.update($0) } }

    /// Records figures of a step.
    ///
    /// - Throws: When the database refuses.
    public func record(run: Int64, step: Int, _ values: [String: Double]) throws {
        try queue.write { database in
            for (key, value) in values where value.isFinite {
                try Point(run: run, step: step, key: key, value: value).insert(database)
            }
        }
    }

    /// All runs, the newest first.
    ///
    /// - Throws: When the database refuses.
    public func runs() throws -> [Run] { try queue.read { try Run.order(Column("id").desc).fetchAll($0) } }

    /// A run by its number.
    ///
    /// - Throws: ``TrainingError`` when there is none.
    public func run(_ id: Int64) throws -> Run {
        guard let run = try queue.read({ try Run.fetchOne($0, key: id) }) else {
            throw TrainingError("there is no run \(id); `yuyan runs` lists them")
        }
        return run
    }

    /// A figure's values over the steps of a run.
    ///
    /// - Throws: When the database refuses.
    public func values(run: Int64, key: String) throws -> [(step: Int, value: Double)] {
        try queue.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT step, value FROM point WHERE run = ? AND key = ? ORDER BY step",
                arguments: [run, key]
            ).map { ($0["step"], $0["value"]) }
        }
    }

    /// The keys of the figures of a run.
    ///
    /// - Throws: When the database refuses.
    public func keys(run: Int64) throws -> [String] {
        try queue.read {
            try String.fetchAll(
                $0,
                sql: "SELECT DISTINCT key FROM point WHERE run = ? ORDER BY key",
                arguments: [run]
            )
        }
    }
}
