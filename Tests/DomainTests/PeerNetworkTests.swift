import Domain
import Glibc
import TestKit
import Testing

@Suite struct PeerNetworkTests {
    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("0:0:0:0:0:FFFF:c000:0207", "192.0.2.7"),
        ("2001:db8:1:2::5", "2001:db8:1:2::/64"), ("2001:DB8:1:2:0:0:0:5", "2001:db8:1:2::/64"),
        ("2001:0db8:0001:0002:ffff::", "2001:db8:1:2::/64"), ("2001:db8:1:3::5", "2001:db8:1:3::/64"),
        ("::", "0:0:0:0::/64"), ("::1", "0:0:0:0::/64"), ("1:2:3:4:5:6:7::", "1:2:3:4::/64"),
        ("fe80::1%eth0", "fe80:0:0:0::/64"), ("64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"),
    ])
    func anAddressIsTheSameHoweverItIsSpelled(text: String, name: String) {
        #expect(PeerNetwork(text).description == name)
        #expect(PeerNetwork(text) == PeerNetwork(text.uppercased()))
    }

    @Test(arguments: [
        "", ":", ":::", "unknown", "192.0.2", "192.0.2.7.1", "192.0.2.256", "192.0.2.07", "192.0.2.", "192.0.2.7:80",
        "1:2",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", "::1:", ":1::",
        "1::2:",
        "1:2:3:4::5:6:7:8", "12345::", "g::", "::192.0.2.7:1", "::192.0.2.256", "%", "+1::", "1.+2.3.4",
    ])
    func whatIsNoAddressIsUnknown(text: String) { #expect(PeerNetwork(text) == .unknown) }

    /// The system's own reading, of every spelling that chance makes.
    @Test func readsWhatTheSystemReads() {
        var generator = SeededGenerator(seed: 11)
        let pieces = ["0", "1", "ff", "FFFF", "c0a8", "255", "256", "09", ":", ":", "::", ".", "."]
        var addresses = 0
        for _ in 0..<200_000 {
            let text = (0..<Int.random(in: 3...15, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            let bytes = Self.bytes(text, AF_INET, 4) ?? Self.bytes(text, AF_INET6, 16)
            #expect(PeerNetwork(text) == bytes.map { PeerNetwork(bytes: $0) } ?? .unknown, "\(text)")
            addresses += bytes == nil ? 0 : 1
        }
        #expect(addresses > 1000)
    }

    private static func bytes(_ text: String, _ family: CInt, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
