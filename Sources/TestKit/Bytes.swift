package import NIOCore

/// Bytes from hexadecimal digits; spaces separate fields. For literals in codec and protocol tests.
package func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.filter { !$0.isWhitespace }
    var result: [UInt8] = []
    var index = digits.startIndex
    while let next = digits.index(index, offsetBy: 2, limitedBy: digits.endIndex), next != index {
        result.append(UInt8(digits[index..<next], radix: 16) ?? 0)
        index = next
    }
    return result
}

package func buffer(_ hexadecimal: String) -> ByteBuffer { ByteBuffer(bytes: bytes(hexadecimal)) }

/// `count` bytes that differ, so that a byte in the wrong place shows.
package func filler(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
