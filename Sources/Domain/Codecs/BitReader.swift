/// Reads big-endian bit fields and exp-Golomb numbers from bytes of a peer. Every read is bounded by the bytes' end.
struct BitReader {
    private let bytes: [UInt8]
    private var position = 0
    private let end: Int
    private let what: StaticString

    /// - Parameter what: names the structure in the error's message.
    init(_ bytes: [UInt8], what: StaticString) {
        self.bytes = bytes
        self.end = bytes.count * 8
        self.what = what
    }

    var remainingBits: Int { end - position }

    /// The next `count` bits, 0…32.
    mutating func bits(_ count: Int) throws(CodecError) -> UInt32 {
        guard count <= remainingBits else { throw CodecError(.truncated, "The \(what) ends too early.") }
        var value: UInt32 = 0
        for _ in 0..<count {
            let bit = bytes[position >> 3] >> UInt8(7 - position & 7) & 1
            value = value << 1 | UInt32(bit)
            position += 1
        }
        return value
    }

    mutating func int(_ count: Int) throws(CodecError) -> Int { Int(try bits(count)) }
    mutating func flag() throws(CodecError) -> Bool { try bits(1) == 1 }

    mutating func skip(_ count: Int) throws(CodecError) {
        guard count <= remainingBits else { throw CodecError(.truncated, "The \(what) ends too early.") }
        position += count
    }

    /// Skips to the next whole byte.
    mutating func alignToByte() { position = min(end, (position + 7) & ~7) }

    /// `ue(v)` (ISO/IEC 14496-10 §9.1): at most 32 leading zeros, so at most 2^33 - 2.
    mutating func unsignedGolomb() throws(CodecError) -> Int {
        var zeros = 0
        while try !flag() {
            zeros += 1
            guard zeros <= 32 else { throw CodecError(.malformed, "The \(what) holds a number out of range.") }
        }
        return (1 << zeros) - 1 + (try int(zeros))
    }

    /// `ue(v)` that must lie in `range`; `field` is the specification's name of it, for the error.
    mutating func unsignedGolomb(in range: ClosedRange<Int>, _ field: StaticString) throws(CodecError) -> Int {
        let value = try unsignedGolomb()
        guard range.contains(value) else { throw outOfRange(field) }
        return value
    }

    /// The next `count` bits as a number that must lie in `range`.
    mutating func int(_ count: Int, in range: ClosedRange<Int>, _ field: StaticString) throws(CodecError) -> Int {
        let value = try int(count)
        guard range.contains(value) else { throw outOfRange(field) }
        return value
    }

    func outOfRange(_ field: StaticString) -> CodecError {
        CodecError(.malformed, "The \(what) has a \(field) out of range.")
    }

    /// `se(v)` (§9.1.1).
    mutating func signedGolomb() throws(CodecError) -> Int {
        let code = try unsignedGolomb()
        return code & 1 == 1 ? (code + 1) / 2 : -(code / 2)
    }
}
