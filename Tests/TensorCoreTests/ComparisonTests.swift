import Testing
import YuyanTestSupport

@Suite struct ComparisonTests {
    private let expected = [1.0, -2.0, 3.0, 0.0]

    @Test func equalListsAreClose() {
        let report = Closeness(actual: expected, expected: expected, relative: 0, absolute: 0)
        #expect(report.isClose)
        #expect(report.maximumAbsolute == 0)
        #expect(report.failures == 0)
    }

    @Test func figuresAreThoseOfTheDifferences() {
        let actual = [1.5, -2.0, 3.0, 0.25]
        let report = Closeness(actual: actual, expected: expected, relative: 0, absolute: 0.3)
        #expect(!report.isClose)
        #expect(report.failures == 1)
        #expect(report.maximumAbsolute == 0.5)
        #expect(report.maximumRelative == 0.5)
        #expect(report.worstIndex == 0)
        #expect(report.rootMeanSquare == ((0.25 + 0.0625) / 4).squareRoot())
        #expect(report.percentile99 == 0.5)
    }

    @Test func percentileLeavesOutOneInAHundred() {
        var actual = [Double](repeating: 0, count: 200)
        actual[17] = 5
        actual[40] = 3
        actual[50] = 2
        let zeros = [Double](repeating: 0, count: 200)
        #expect(Closeness(actual: actual, expected: zeros, relative: 0, absolute: 0).percentile99 == 2)
    }

    @Test func toleranceIsAbsolutePlusRelative() {
        #expect(Closeness(actual: [101], expected: [100], relative: 0.01, absolute: 0).isClose)
        #expect(!Closeness(actual: [101.1], expected: [100], relative: 0.01, absolute: 0).isClose)
        #expect(Closeness(actual: [101.1], expected: [100], relative: 0.01, absolute: 0.2).isClose)
        #expect(!Closeness(actual: [1e-9], expected: [0], relative: 1, absolute: 0).isClose)
    }

    @Test func anotherLengthFails() {
        #expect(!Closeness(actual: [1, -2, 3], expected: expected, relative: 1, absolute: 100).isClose)
        #expect(!Closeness(actual: expected + [0], expected: expected, relative: 1, absolute: 100).isClose)
        #expect(!Closeness(actual: [], expected: [0], relative: 1, absolute: 100).isClose)
    }

    @Test func permutationFails() {
        let report = Closeness(
            actual: [-2.0, 1.0, 3.0, 0.0],
            expected: expected,
            relative: 1e-3,
            absolute: 1e-3
        )
        #expect(!report.isClose)
        #expect(report.failures == 2)
    }

    @Test func notANumberFails() {
        #expect(!Closeness(actual: [.nan], expected: [1], relative: 1, absolute: 1e9).isClose)
        #expect(!Closeness(actual: [1], expected: [.nan], relative: 1, absolute: 1e9).isClose)
        #expect(!Closeness(actual: [.nan], expected: [.nan], relative: 1, absolute: 1e9).isClose)
        let allowed = Closeness(actual: [.nan], expected: [.nan], relative: 0, absolute: 0, matchingNaN: true)
        #expect(allowed.isClose)
        #expect(
            !Closeness(actual: [1], expected: [.nan], relative: 1, absolute: 1, matchingNaN: true).isClose
        )
    }

    @Test func infinitiesMustAgree() {
        let infinity = Double.infinity
        #expect(Closeness(actual: [infinity], expected: [infinity], relative: 0, absolute: 0).isClose)
        #expect(!Closeness(actual: [infinity], expected: [-infinity], relative: 1, absolute: 1e9).isClose)
        #expect(!Closeness(actual: [1], expected: [infinity], relative: 1, absolute: 1e9).isClose)
        #expect(!Closeness(actual: [infinity], expected: [1], relative: 1, absolute: 1e9).isClose)
    }

    @Test func expectCloseRecordsAnIssue() {
        withKnownIssue {
            expectClose(actual: [1, 2], expected: [1, 3], relative: 1e-6, absolute: 0, "two lists")
        }
        #expect(expectClose(actual: [1, 2], expected: [1, 2]))
    }
}
