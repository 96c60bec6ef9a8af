/// A statement's parameters in the three arrays that `PQexecParams` wants, their bytes in one block that stays put.
struct PackedParameters {
    private var block: [UInt8] = []
    private var offsets: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// - Throws: `.shape` for a text with a NUL, which PostgreSQL cannot hold and C would cut off.
    init(_ values: [PostgresValue]) throws(PostgresError) {
        for value in values {
            guard let (bytes, isBinary) = value.encoded else {
                offsets.append(nil)
                lengths.append(0)
                formats.append(0)
                continue
            }
            guard isBinary || !bytes.contains(0) else { throw PostgresError(.shape, "a text holds a NUL character") }
            guard let length = Int32(exactly: bytes.count) else { throw PostgresError(.shape, "a value is too long") }
            offsets.append(block.count)
            lengths.append(length)
            formats.append(isBinary ? 1 : 0)
            block += bytes
            block.append(0)
        }
    }

    /// The pointers live as long as `body` runs.
    func withPointers<Value>(
        _ body: (
            _ values: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int32>?,
            _ formats: UnsafePointer<Int32>?
        ) -> Value
    ) -> Value {
        block.withUnsafeBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers = offsets.map { offset in offset.flatMap { start?.advanced(by: $0) } }
            return pointers.withUnsafeBufferPointer { values in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(values.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }
}

/// Calls `body` with `strings` as a NULL-terminated C array that lives as long as the call.
func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Value
) -> Value {
    let copies = strings.map { $0.utf8CString }
    let block = copies.flatMap { Array($0) }
    return block.withUnsafeBufferPointer { bytes in
        var offset = 0
        var pointers: [UnsafePointer<CChar>?] = copies.map { copy in
            defer { offset += copy.count }
            return bytes.baseAddress?.advanced(by: offset)
        }
        pointers.append(nil)
        return pointers.withUnsafeMutableBufferPointer { array in
            // Never empty: there is the terminator.
            guard let base = array.baseAddress else { preconditionFailure("an array with one element has an address") }
            return body(base)
        }
    }
}
