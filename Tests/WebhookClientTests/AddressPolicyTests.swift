import Domain
import NIOCore
import Testing

@testable import WebhookClient

/// Which addresses a webhook may be at.
struct AddressPolicyTests {
    private func allows(_ policy: AddressPolicy, _ address: String) throws -> Bool {
        policy.allows(try SocketAddress(ipAddress: address, port: 80))
    }

    @Test(arguments: [
        "127.0.0.1", "127.255.0.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
        "255.255.255.255",
        "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "2001::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2002:a00:1::", "100::1", "5f00::1", "::7f00:1",
    ]) func refusesWhatIsNotPublic(_ address: String) throws {
        #expect(try !allows(AddressPolicy(), address))
    }

    @Test(arguments: [
        "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "8.8.8.8", "223.255.255.255",
        "2606:4700::1111", "2a00:1450::5", "::ffff:8.8.8.8", "64:ff9b::808:808",
    ]) func allowsWhatIsPublic(_ address: String) throws {
        #expect(try allows(AddressPolicy(), address))
    }

    @Test func allowsTheNetworksOfTheOperatorAndNoMore() throws {
        let networks = ["127.0.0.0/8", "10.1.0.0/16", "fd00::/8", "192.168.7.7"].compactMap {
            AddressPolicy.Network($0)
        }
        #expect(networks.count == 4)
        let policy = AddressPolicy(allowing: networks)
        for address in ["127.0.0.1", "10.1.255.9", "fd00::9", "192.168.7.7", "::ffff:127.0.0.1"] {
            #expect(try allows(policy, address), "\(address)")
        }
        for address in ["10.2.0.1", "fc00::1", "192.168.7.8", "::1", "169.254.169.254"] {
            #expect(try !allows(policy, address), "\(address)")
        }
    }

    @Test(arguments: [
        "", "127.0.0.1/33", "127.0.0.1/", "127.0.0.1/-1", "localhost", "10.0.0.0/8/8", "::/129", "10.0.0/8",
    ])
    func readsNoNonsense(_ text: String) {
        #expect(AddressPolicy.Network(text) == nil)
    }

    @Test func takesUrlsApart() throws {
        let plain = try WebAddress(Secret("http://Example.org"))
        #expect(
            plain.host == "example.org" && plain.port == 80 && plain.target == "/"
                && plain.place == "http://example.org")
        let long = try WebAddress(Secret("https://h:8443/a%20b/c?x=1&y=%2F#part"))
        #expect(long.target == "/a%20b/c?x=1&y=%2F" && long.authority == "h:8443" && long.isSecure)
        #expect(try WebAddress(Secret("http://[::1]:81/")).authority == "[::1]:81")
        for text in [
            "", "ftp://h/", "http://", "http://u:p@h/", "http://u@h/", "http://h:0/", "http://h:70000/", "http://h/a b",
            "http://h/\r\nX: y", "//h/", "http:/h", "http://h/" + String(repeating: "x", count: 5000),
        ] {
            #expect(throws: OutboundError.invalidURL, "\(text.prefix(30))") { try WebAddress(Secret(text)) }
        }
    }
}
