import Testing
import YuyanTextProcessing

@Suite("the catalogue of operators")
struct CatalogTests {
    @Test("every entry makes an operator of its name from no settings, or says what it needs")
    func defaults() throws {
        #expect(Set(OperatorCatalog.entries.map(\.name)).count == OperatorCatalog.entries.count)
        for entry in OperatorCatalog.entries {
            do {
                #expect(try OperatorCatalog.make(entry.name).name == entry.name)
            } catch let error as OperatorError {
                #expect(error.name == entry.name && error.key != nil)
            }
        }
    }

    @Test("wrong names, keys and kinds are errors that name them")
    func errors() {
        func message(_ name: String, _ values: [String: OperatorValue]) -> String {
            do {
                _ = try OperatorCatalog.make(name, values)
                return ""
            } catch { return "\(error)" }
        }
        #expect(message("min_lenght", [:]).contains("known are unicode_normalization"))
        #expect(
            message("min_length", ["scalar": .number(3)])
                == "min_length.scalar: there is no such key; known are scalars"
        )
        #expect(
            message("min_length", ["scalars": .number(2.5)]).hasPrefix("min_length.scalars: must be a whole")
        )
        #expect(message("min_length", ["scalars": .text("3")]).hasSuffix("found text"))
        #expect(message("min_length", ["scalars": .number(-1)]).contains("outside"))
        #expect(message("unicode_normalization", ["form": .text("nfx")]).contains("known are nfc, nfd"))
    }
}
