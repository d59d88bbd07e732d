/// The Castagnoli checksum, as TensorBoard's record files use it.
package enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
    }

    /// The checksum of some bytes.
    ///
    /// - Parameter bytes: The message.
    /// - Returns: The checksum.
    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            ~bytes.reduce(~UInt32(0)) { value, byte in
                value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)]
            }
        }
    }

    /// The checksum rotated and offset, as stored beside data that hold checksums themselves.
    ///
    /// - Parameter bytes: The message.
    /// - Returns: The masked checksum.
    package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let value = checksum(bytes)
        return (value >> 15 | value << 17) &+ 0xA282_EAD8
    }
}
