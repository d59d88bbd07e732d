import Foundation
import Testing
import YuyanTextProcessing

@Suite("contamination of training text by test items")
struct ContaminationTests {
    private static let passage =
        "the committee agreed that the new bridge over the river should be finished before the winter of the next "
        + "year whatever the price of steel might be by then"

    @Test("equal, normalised, near and quoted items are told apart, with passage and place")
    func kinds() throws {
        var random = RandomText(seed: 3)
        let near = random.words(60)
        var edited = near
        edited[30] = "changed"
        let test = [
            ("t0", "An exact copy stands in the training part of this data set."),
            ("t1", "Only the case differs in this one, and the marks."),
            ("t2", near.joined(separator: " ")),
            ("t3", Self.passage),
            ("t4", random.words(40).joined(separator: " ")),
        ]
        let training = [
            ("r0", random.words(50).joined(separator: " ")),
            ("r1", "An exact copy stands in the training part of this data set."),
            ("r2", "ONLY the case differs in this one and the marks"),
            ("r3", edited.joined(separator: " ")),
            ("r4", "Before. " + Self.passage.uppercased() + ". After."),
            ("r5", "An exact copy stands in the training part of this data set."),
        ]
        let report = ContaminationChecker<String>.report(test: test, training: training)
        #expect(report.findings.map(\.item) == ["t0", "t1", "t2", "t3", "t4"])
        #expect(report.findings[0].equal == ["r1", "r5"] && report.findings[0].equalCount == 2)
        #expect(report.findings[1].normalized == ["r2"] && report.findings[1].equalCount == 0)
        #expect(report.findings[2].near.map(\.id) == ["r3"])
        #expect(report.findings[3].overlap == 1 && report.findings[3].passageSource == "r4")
        #expect(report.findings[3].passage == Self.passage)
        #expect(report.findings[4].overlap == 0 && report.findings[4].passageSource == nil)
        #expect(report.contaminated.map(\.item) == ["t0", "t1", "t2", "t3"])
        #expect(report.contaminatedTraining == ["r1", "r2", "r3", "r4", "r5"])
        #expect(report.equalCount == 1 && report.normalizedCount == 1 && report.trainingCount == 6)
        // Looking without noting finds the same texts, with near-duplicates looked for and without.
        for nearThreshold in [0.7, nil] {
            var checker = ContaminationChecker<String>(ContaminationSettings(nearThreshold: nearThreshold))
            for (id, text) in test { checker.addTest(id: id, text: text) }
            for (id, text) in training {
                let found = checker.isContaminated(text)
                #expect(found == checker.checkTraining(id: id, text: text), "\(id)")
                if id == "r0" { #expect(!found) }
            }
        }
    }

    @Test("the share of n-grams counts over all training texts; Chinese by characters")
    func overlap() {
        let settings = ContaminationSettings(
            ngrams: Shingling(words: 3, characters: 4),
            overlapThreshold: 0.9,
            nearThreshold: nil
        )
        let chinese = "北京大学的学生在图书馆里读书"
        let report = ContaminationChecker<Int>.report(
            test: [(0, "a b c d e f g h"), (1, chinese)],
            training: [(0, "a b c d x"), (1, "y e f g h"), (2, "他说北京大学的学生很多"), (3, "在图书馆里读书")],
            settings: settings
        )
        #expect(report.findings[0].overlap == 4.0 / 6)
        #expect(report.findings[0].passage == "a b c d" && report.findings[0].passageSource == 0)
        #expect(report.findings[1].overlap == 8.0 / 11)
        #expect(report.findings[1].passage == "北京大学的学生")
        #expect(report.contaminated.isEmpty && report.overlapCount == 0)
    }

    @Test("repeated texts and contradictory labels")
    func repeated() {
        let rows = [
            (id: 0, text: "a b", label: "x"), (1, "c", "x"), (2, "a b", "y"), (3, "A b!", "x"), (4, "c", "x"),
        ]
        let exact = RepeatedTexts(rows)
        #expect(exact.groups.map(\.ids) == [[0, 2], [1, 4]])
        #expect(exact.repeatedCount == 2 && exact.contradictoryCount == 1)
        let loose = RepeatedTexts(rows, ignoringCaseAndPunctuation: true)
        #expect(loose.groups.map(\.ids) == [[0, 2, 3], [1, 4]])
    }
}
