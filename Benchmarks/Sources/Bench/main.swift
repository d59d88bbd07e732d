import Foundation

let usage = """
    Bench run [--quick] [--processor-time] [--only PREFIX] [--output FILE] [--peers FOLDER] [--python PATH]
    Bench profile train|decode MODEL f32|bf16 [STEPS]
    Bench worker
    """

func run(_ arguments: [String]) throws {
    switch arguments.first {
    case "worker": Worker.serve()
    case "profile": try Profile.run(Array(arguments.dropFirst()))
    case "run":
        var driver = Driver()
        var rest = arguments.dropFirst()
        while let flag = rest.popFirst() {
            switch flag {
            case "--quick":
                driver.quick = true
                continue
            case "--processor-time":
                driver.countsProcessorTime = true
                continue
            default: break
            }
            guard let value = rest.popFirst() else { throw BenchError("\(flag) wants a value\n\(usage)") }
            switch flag {
            case "--only": driver.only = value
            case "--output": driver.outputPath = value
            case "--peers": driver.peersFolder = value
            case "--python": driver.python = value
            default: throw BenchError("unknown flag \(flag)\n\(usage)")
            }
        }
        try driver.run()
    default: throw BenchError(usage)
    }
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
} catch {
    note("\(error)")
    exit(1)
}
