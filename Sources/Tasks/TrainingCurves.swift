import Foundation
import YuyanFileFormats
import YuyanReports

/// How a model's losses and its best figure went while it learned, from the `train.jsonl` of its run.
package struct TrainingCurves {
    /// Points of a line, thinned out where there are more than a picture shows.
    private struct Curve {
        private(set) var points: [(x: Double, y: Double)] = []
        /// Every so many points one is kept.
        private var stride = 1
        private var count = 0

        private static let most = 1000

        mutating func add(_ x: Double, _ y: Double) {
            if count % stride == 0 { points.append((x, y)) }
            count += 1
            guard points.count > Self.most else { return }
            points = points.indices.filter { $0 % 2 == 0 }.map { points[$0] }
            stride *= 2
        }
    }

    private var training = Curve()
    private var validation = Curve()
    private var figure = Curve()
    /// The figure that says which model is best, without `eval_`; empty where it is the loss.
    private let figureName: String
    /// Why the log could not be read to its end.
    private var problem = ""

    private static let longestLine = 1 << 20

    /// Reads the log of a run.
    ///
    /// - Parameters:
    ///   - folder: The run's folder; without a log there are no curves.
    ///   - metric: The key of the figure that says which model is best.
    package init(folder: String, metric: String) {
        figureName = metric.hasPrefix("eval_") && metric != "eval_loss" ? String(metric.dropFirst(5)) : ""
        let path = "\(folder)/train.jsonl"
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            let reader = try LineReader(path: path, maximumLineLength: Self.longestLine)
            while let line = try reader.nextBytes() { add(line, metric) }
        } catch {
            problem = "\(error)"
        }
    }

    private mutating func add(_ line: [UInt8], _ metric: String) {
        let value: JSONValue
        // A last line that a kill cut short is no JSON.
        do { value = try JSONValue(parsing: line) } catch { return }
        guard let object = value.objectValue, let step = object["step"]?.numberValue else { return }
        if let loss = object["loss"]?.numberValue { training.add(step, loss) }
        if let loss = object["eval_loss"]?.numberValue { validation.add(step, loss) }
        if !figureName.isEmpty, let number = object[metric]?.numberValue { figure.add(step, number) }
    }

    /// Adds the pictures to a page; one point alone is no curve.
    ///
    /// - Parameter page: The page.
    package func add(to page: inout ReportPage) {
        let losses = [("training", training), ("validation", validation)].filter { !$0.1.points.isEmpty }
        let hasLosses = losses.contains { $0.1.points.count > 1 }
        let hasFigure = figure.points.count > 1
        guard hasLosses || hasFigure || !problem.isEmpty else { return }
        page.heading("Training")
        if !problem.isEmpty { page.paragraph("The log of the training could not be read: \(problem)") }
        if hasLosses {
            page.lines(
                LineChart(
                    title: "Loss while it learned",
                    xName: "step",
                    yName: "loss",
                    series: losses.map { LineChart.Series($0.0, $0.1.points) }
                )
            )
        }
        if hasFigure {
            let name = figureName.replacing("_", with: " ")
            page.lines(
                LineChart(
                    title: "The figure that chose the best model, on the validation part",
                    xName: "step",
                    yName: name,
                    series: [LineChart.Series(name, figure.points)]
                )
            )
        }
    }
}

/// What an evaluation is of, as its page tells.
struct EvaluationSubject {
    /// What was judged, and on what.
    let title: String
    /// How it learned.
    let curves: TrainingCurves

    /// A trained model on data.
    ///
    /// - Parameters:
    ///   - recipe: The model's recipe.
    ///   - folder: The model's folder.
    ///   - data: The data that it is judged by.
    init(_ recipe: Recipe, folder: String, data: EvaluationData) {
        title = "\(recipe.model.family) in \(folder) on \(data.path ?? "its validation data")"
        curves = TrainingCurves(folder: folder, metric: recipe.training.metricForBestModel)
    }
}
