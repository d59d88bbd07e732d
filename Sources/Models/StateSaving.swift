/// When a running training writes its state again, and into which file.
package struct StateSaving {
    /// The file's name in the folder of the run.
    package static let fileName = "state.safetensors"

    private var last = ContinuousClock.now
    private var pause: Duration

    /// - Parameter seconds: after how many seconds; a state that is slow to write is written more seldom, so that at
    ///   most a twentieth of the time is spent on it.
    package init(seconds: Double) { pause = .seconds(seconds) }

    package var isDue: Bool { ContinuousClock.now - last >= pause }

    package mutating func save(_ write: () throws -> Void) rethrows {
        let start = ContinuousClock.now
        try write()
        last = ContinuousClock.now
        pause = max(pause, (last - start) * 19)
    }
}
