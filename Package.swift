// swift-tools-version: 6.1
import PackageDescription

// Targets stand in the order of their floors: each imports only targets above it. The table in
// Docs/architecture.md says what lives on every floor; `Tools/check-layers` holds it against this manifest.

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny")
]

/// A library target `Yuyan<name>` in `Sources/<name>`.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: "Yuyan\(name)",
        dependencies: dependencies,
        path: "Sources/\(name)",
        swiftSettings: swiftSettings
    )
}

/// A test target in `Tests/<name>`.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies + ["YuyanTestSupport"],
        path: "Tests/\(name)",
        swiftSettings: swiftSettings
    )
}

let package = Package(
    name: "yuyan",
    products: [
        .executable(name: "yuyan", targets: ["yuyan"]),
        // What `Benchmarks` measures.
        .library(name: "YuyanModels", targets: ["YuyanModels"]),
        .library(name: "YuyanOptimizers", targets: ["YuyanOptimizers"]),
        .library(name: "YuyanTokenizers", targets: ["YuyanTokenizers"]),
        .library(name: "YuyanTasks", targets: ["YuyanTasks"]),
        .library(name: "YuyanFuzzing", targets: ["YuyanFuzzing"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // Numbers
        .target(name: "CKernels", path: "Sources/CKernels"),
        room("TensorCore"),
        room("CPUBackend", ["YuyanTensorCore", "CKernels"]),
        room("Tensors", ["YuyanTensorCore", "YuyanCPUBackend"]),
        room("NeuralNetworks", ["YuyanTensors"]),
        room("Optimizers", ["YuyanNeuralNetworks"]),
        // Text and data
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CByteMasks", path: "Sources/CByteMasks"),
        room("FileFormats"),
        room("TextProcessing", ["YuyanFileFormats"]),
        room("Tokenizers", ["YuyanFileFormats", "CByteMasks"]),
        room("Datasets", ["YuyanTextProcessing", "YuyanTokenizers", "YuyanFileFormats", "CZlib"]),
        room("Metrics"),
        room("Reports"),
        // Models and training
        room("Checkpoints", ["YuyanNeuralNetworks", "YuyanFileFormats"]),
        room("Models", ["YuyanNeuralNetworks", "YuyanCheckpoints"]),
        room(
            "Training",
            [
                "YuyanOptimizers", "YuyanCheckpoints", "YuyanDatasets", "YuyanMetrics",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        room("Generation", ["YuyanModels", "YuyanTokenizers"]),
        room(
            "Tasks",
            ["YuyanGeneration", "YuyanTraining", "YuyanReports", .product(name: "Yams", package: "Yams")]
        ),
        room("Commands", ["YuyanTasks", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        .executableTarget(
            name: "yuyan",
            dependencies: ["YuyanCommands"],
            path: "Sources/yuyan",
            swiftSettings: swiftSettings
        ),
        // Tests
        room("TestSupport", ["YuyanTensors", "YuyanFileFormats"]),
        room("Fuzzing", ["YuyanDatasets", "CZlib"]),
        tests("TensorCoreTests", ["YuyanTensorCore"]),
        tests("ContractTests", ["YuyanCPUBackend", "CKernels"]),
        tests("TensorsTests", ["YuyanTensors"]),
        tests("NeuralNetworksTests", ["YuyanNeuralNetworks"]),
        tests("OptimizersTests", ["YuyanOptimizers"]),
        tests("FileFormatsTests", ["YuyanFileFormats"]),
        tests("TextProcessingTests", ["YuyanTextProcessing"]),
        tests("TokenizersTests", ["YuyanTokenizers", "YuyanFuzzing"]),
        tests("DatasetsTests", ["YuyanDatasets", "YuyanFuzzing"]),
        tests("MetricsTests", ["YuyanMetrics"]),
        tests("ReportsTests", ["YuyanReports"]),
        tests("CheckpointsTests", ["YuyanCheckpoints"]),
        tests("ModelsTests", ["YuyanModels"]),
        tests("TrainingTests", ["YuyanTraining"]),
        tests("GenerationTests", ["YuyanGeneration"]),
        tests("TasksTests", ["YuyanTasks"]),
        tests("CommandsTests", ["YuyanCommands"]),
        tests("GoldenTests", ["YuyanGeneration", "YuyanOptimizers"]),
        tests("EndToEndTests", ["YuyanCommands"]),
    ]
)
