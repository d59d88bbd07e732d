// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "yuyan", path: "..")
    ],
    targets: [
        .target(name: "CCeilings"),
        .executableTarget(
            name: "Bench",
            dependencies: [
                "CCeilings",
                .product(name: "YuyanModels", package: "yuyan"),
                .product(name: "YuyanOptimizers", package: "yuyan"),
            ],
            swiftSettings: [.enableUpcomingFeature("ExistentialAny")]
        ),
        .executableTarget(
            name: "TokenizerBench",
            dependencies: [.product(name: "YuyanTokenizers", package: "yuyan")],
            swiftSettings: [.enableUpcomingFeature("ExistentialAny")]
        ),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                .product(name: "YuyanFuzzing", package: "yuyan"),
                .product(name: "YuyanTasks", package: "yuyan"),
            ],
            swiftSettings: [.enableUpcomingFeature("ExistentialAny")]
        ),
    ]
)
