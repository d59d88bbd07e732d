import Testing
import YuyanFileFormats

@Suite struct NPYTests {
    private func header(_ text: String, version: UInt8 = 1, data: Int = 0) -> [UInt8] {
        let body = Array(text.utf8)
        let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: body.count >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + body
            + [UInt8](repeating: 1, count: data)
    }

    @Test func roundTrips() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.npy")
        try NPYFile.write([Float(1.5), -2, 3, 4, 5, 6], dtype: .f32, shape: [2, 3], to: path)
        let raw = try SafeFile.read(path)
        #expect(raw.count == 128 + 24)
        #expect(
            String(decoding: raw[10..<72], as: UTF8.self)
                == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   "
        )
        #expect(raw[127] == 10)
        let file = try NPYFile(path: path)
        #expect(file.shape == [2, 3] && file.dtype == .f32 && file.elementCount == 6)
        #expect(try file.elements(dtype: .f32, as: Float.self) == [1.5, -2, 3, 4, 5, 6])
        expectFailure(.mismatch) { _ = try file.elements(dtype: .i32, as: Int32.self) }
        try NPYFile.write([Int64(-7)], dtype: .i64, shape: [], to: path)
        #expect(try NPYFile(path: path).elements(dtype: .i64, as: Int64.self) == [-7])
        try NPYFile.write([UInt8](), dtype: .u8, shape: [0], to: path)
        #expect(try NPYFile(path: path).shape == [0])
        try NPYFile.write([1.0, .infinity], dtype: .f64, shape: [2], to: path)
        #expect(try NPYFile(path: path).elements(dtype: .f64, as: Double.self) == [1, .infinity])
        try NPYFile.write([Int32.min], dtype: .i32, shape: [1, 1], to: path)
        #expect(try NPYFile(path: path).elements(dtype: .i32, as: Int32.self) == [.min])
    }

    @Test func readsVersionTwo() throws {
        let folder = try TemporaryFolder()
        let text = "{'shape': (3,), 'fortran_order': False, 'descr': '|u1'}\n"
        let file = try NPYFile(path: folder.write(header(text, version: 2, data: 3)))
        #expect(try file.elements(dtype: .u8, as: UInt8.self) == [1, 1, 1])
    }

    @Test(arguments: [
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4, "unsupported"),
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", 4, "unsupported"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 3, "truncated"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 5, "malformed"),
        ("{'descr': '<f4', 'fortran_order': False}", 4, "malformed"),
        ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "malformed"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 2)}", 0, "malformed"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", 0, "malformed"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, "unsupported"),
        ("", 0, "malformed"),
    ])
    func badHeaders(text: String, data: Int, code: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(header(text, data: data))
        do {
            _ = try NPYFile(path: path)
            Issue.record("accepted \(text)")
        } catch {
            #expect(error.code.description == code, "\(error)")
        }
    }

    @Test func truncations() throws {
        let folder = try TemporaryFolder()
        try NPYFile.write([Float(1), 2], dtype: .f32, shape: [2], to: folder.file("good"))
        let good = try SafeFile.read(folder.file("good"))
        for count in 0..<good.count {
            #expect(throws: FileFormatError.self) {
                _ = try NPYFile(path: folder.write(Array(good[..<count])))
            }
        }
    }
}
