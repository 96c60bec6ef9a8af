import Cryptography
import Domain
import Testing

@testable import Audience

/// What is remembered of viewers whose session is over, and for how long.
@Suite struct ViewerTableTests {
    private let start = WallTime(milliseconds: 1_800_000_000_000)
    private let tokens = ViewerTokens(
        secret: Secret("a secret of the server"), authentication: SHA256Authentication(), random: SystemRandomBytes())
    private let pseudonyms: Pseudonyms

    init() { pseudonyms = tokens.pseudonyms() }

    private func key(_ address: String) -> ViewerTable.FileKey {
        ViewerTable.FileKey(channel: .main, kind: .dash, token: nil, address: address, agent: "an agent")
    }

    @Test func noAddressAndNoAgentOutlivesItsSession() throws {
        var table = ViewerTable(maximumSessions: 10)
        let place = ViewerPlace(address: "192.0.2.77")
        table.pass(pseudonyms.of(place, on: .main), until: start + .seconds(600))
        _ = table.offer("t", to: key("192.0.2.77"), pseudonyms.of(key("192.0.2.77")), for: .seconds(30), now: start)
        for text in ["192.0.2.77", "an agent"] { #expect(!"\(table)".contains(text)) }
        let opened = table.open(
            .main, .hls, key: key("192.0.2.77"), token: nil, agent: nil, place: place, now: start, end: nil)
        let number = try #require(opened)
        #expect("\(table)".contains("192.0.2.77"))
        table.close(number, .left, now: start)
        #expect(!"\(table)".contains("192.0.2.77"))
        #expect(table.hasPass(pseudonyms.of(place, on: .main), now: start))
    }

    @Test func whatIsOverIsForgotten() throws {
        var table = ViewerTable(maximumSessions: 10)
        let place = ViewerPlace(address: "192.0.2.77")
        table.pass(pseudonyms.of(place, on: .main), until: start + .seconds(600))
        _ = table.offer("t", to: key("192.0.2.77"), pseudonyms.of(key("192.0.2.77")), for: .seconds(30), now: start)
        let opened = table.open(
            .main, .rtmp, key: nil, token: "x", agent: nil, place: place, now: start, end: nil)
        let number = try #require(opened)
        _ = table.sendAway(number, of: .main, until: start + .seconds(60), now: start)
        // The pass, the offer, and the bars of token and address.
        for (seconds, left) in [(29, 4), (31, 3), (59, 3), (61, 1), (599, 1), (601, 0)] {
            table.forget(now: start + .seconds(seconds))
            #expect(table.remembered == left, "after \(seconds) s")
        }
    }

    @Test func aPseudonymIsOfOnePlaceOneChannelAndOneProcess() throws {
        let place = ViewerPlace(address: "2001:db8:1:2::5")
        let other = try #require(ChannelName("other"))
        let one = pseudonyms.of(place, on: .main)
        #expect(one == pseudonyms.of(ViewerPlace(address: "2001:DB8:1:2:0:0:0:6"), on: .main))
        #expect(one != pseudonyms.of(ViewerPlace(address: "2001:db8:1:3::5"), on: .main))
        #expect(one != pseudonyms.of(place, on: other))
        #expect(one != tokens.pseudonyms().of(place, on: .main))
    }
}
