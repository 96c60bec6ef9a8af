import Domain
import TestKit
import Testing

@Suite struct IdentityTests {
    @Test func anIdentifierReadsBackWhatItWrites() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<100 {
            let id = UserID.random(using: &generator)
            #expect(UserID(id.description) == id)
            #expect(UserID(id.description.uppercased()) == id)
        }
    }

    @Test(arguments: ["", "x", "00000000-0000-4000-8000-00000000000", "00000000000040008000000000000000000g"])
    func nonsenseIsNoIdentifier(text: String) {
        #expect(UserID(text) == nil)
    }

    @Test func anIdentifierIsAVersion4UUID() {
        let id = UserID(high: 0x0123_4567_89ab_4def, low: 0x8123_4567_89ab_cdef)
        #expect(id.description == "01234567-89ab-4def-8123-456789abcdef")
    }

    @Test func aSecretNeverShowsItself() {
        let secret = Secret("hunter2")
        #expect("\(secret)" == "<secret>")
        #expect(String(reflecting: secret) == "<secret>")
        #expect("\(IssuedKey(info: keyInfo, key: secret))".contains("hunter2") == false)
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    private var keyInfo: StreamKeyInfo {
        StreamKeyInfo(
            id: KeyID(high: 0, low: 1), label: "a", createdAt: WallTime(milliseconds: 0), lastUsedAt: nil,
            revokedAt: nil)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_795_208_399_999, "2026-11-20T20:59:59.999Z"), (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func aMomentIsWrittenInUTC(milliseconds: Int64, text: String) {
        #expect(WallTime(milliseconds: milliseconds).description == text)
    }

    @Test(arguments: ["main", "a", "dj-night-2"]) func takesChannelNames(text: String) {
        #expect(ChannelName(text)?.text == text)
    }

    @Test(arguments: ["", "Main", "-a", "a-", "a/b", "..", String(repeating: "a", count: 65)])
    func refusesOtherNames(text: String) {
        #expect(ChannelName(text) == nil)
    }

    @Test func ticksRoundToTheNearest() {
        #expect(MediaTime(ticks: 1024, timescale: 44_100).ticks(timescale: 48_000) == 1115)
        #expect(MediaTime(nanoseconds: -1_000_000).ticks(timescale: 90_000) == -90)
        #expect(
            MediaTime(ticks: 90_000 * 86_400 * 365 * 30, timescale: 90_000).ticks(timescale: 90_000) == 90_000 * 86_400
                * 365 * 30)
    }

    @Test(arguments: [
        ("slotLength", "30m", QueueSettings(slotSeconds: 1800)),
        ("slotLength", "none", QueueSettings(slotSeconds: nil)),
        ("graceOnAir", "5", QueueSettings(graceOnAirSeconds: 5)), ("open", "false", QueueSettings(isOpen: false)),
        ("maximumLength", "12", QueueSettings(maximumLength: 12)),
    ])
    func aSettingIsSetFromText(name: String, text: String, expected: QueueSettings) throws {
        var settings = QueueSettings()
        try settings.set(name, to: text)
        #expect(settings == expected)
    }

    @Test(arguments: [
        ("slotLength", "soon"), ("slotLength", "-5"), ("open", "maybe"), ("volume", "11"), ("slotLength", "25h"),
    ])
    func aWrongSettingChangesNothing(name: String, text: String) {
        var settings = QueueSettings()
        #expect(throws: QueueCommandError.self) { try settings.set(name, to: text) }
        #expect(settings == QueueSettings())
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-21T20:15:00Z", 1_795_292_100_000),
        ("2028-02-29T23:59:59.9Z", 1_835_481_599_900), ("2000-03-01T00:00:00.000Z", 951_868_800_000),
        ("9999-12-31T23:59:59.123999Z", 253_402_300_799_123),
    ])
    func readsMomentsInUTC(text: String, milliseconds: Int64) throws {
        let time = try #require(WallTime(utc: text))
        #expect(time.milliseconds == milliseconds)
        #expect(WallTime(utc: time.description) == time)
    }

    @Test(arguments: [
        "", "Z", "2026-11-21", "2026-11-21T20:15:00", "2026-11-21T20:15:00+00:00", "2026-11-21 20:15:00Z",
        "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-10T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-00T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T20:60:00Z", "2026-11-21T20:15:60Z",
        "2026-11-21T20:15:00.Z", "2026-11-21T20:15:00.1x2Z", "1969-12-31T23:59:59Z", "+026-11-21T20:15:00Z",
        "2026-11-21T20:15:00.0000000000Z", "٢٠٢٦-11-21T20:15:00Z",
    ])
    func readsNoOtherMoments(text: String) { #expect(WallTime(utc: text) == nil) }
}
