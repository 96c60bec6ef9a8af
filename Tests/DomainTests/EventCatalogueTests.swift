import Domain
import Foundation
import Testing

/// `docs/events.md` against the code.
struct EventCatalogueTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let file = root.appendingPathComponent("docs/events.md")

    private func text(_ url: URL) throws -> String {
        String(decoding: try #require(FileManager.default.contents(atPath: url.path)), as: UTF8.self)
    }

    private var catalogue: String {
        var text = """
            # Events

            Written by `scripts/write-docs` from `Sources/Domain/Queue/EventCatalogue.swift`; a test fails when they differ.

            Every change of state is one event. The event stream of the API (`/api/v1/events`), webhooks and files of events have it as
            the same JSON object; `docs/webhooks.md` says how it is delivered.

            | field | what |
            |---|---|
            | `id` | unique in its channel, rising: EPOCH-SEQUENCE, two numbers. The sequence has no gap within an epoch |
            | `kind` | as below |
            | `channel` | the channel's name |
            | `at` | when it happened, UTC |
            | `version` | the queue's version that it made |
            | `payload` | as below; a field without a value is left out. Readers must bear fields and kinds that they do not know |

            For example:

            ```json
            {"id":"3-17","kind":"onair.warning","channel":"main","at":"2026-11-21T20:15:00.000Z","version":42,"payload":\(EventCatalogue.rows.first { $0.kind == "onair.warning" }?.payload ?? "")}
            ```

            Names of people are as they chose them. Ids of entries and users are UUIDs.


            """
        for row in EventCatalogue.rows {
            text += "## `\(row.kind)`\n\n\(row.meaning)\n\n```json\n\(row.payload)\n```\n\n"
        }
        text += "## `target.test`\n\nSent by the test button only; its `id` is `0-0`.\n\n```json\n{}\n```\n"
        return text
    }

    @Test func theCatalogueInDocsIsTheOneOfTheCode() throws {
        if ProcessInfo.processInfo.environment["LINEUP_WRITE_DOCS"] != nil {
            try Data(catalogue.utf8).write(to: Self.file)
        }
        #expect(try text(Self.file) == catalogue, "docs/events.md is out of date: run scripts/write-docs")
    }

    /// Every kind that the code can write has its row.
    @Test func everyKindIsInTheCatalogue() throws {
        let source = try text(Self.root.appendingPathComponent("Sources/Domain/Queue/DomainEvent.swift"))
        let row = /case \.\w+(?:\(\.\w+\))?: "(?<kind>[a-z]+\.[a-zA-Z]+)"/
        let kinds = source.matches(of: row).map { String($0.output.kind) }
        #expect(kinds.count > 20)
        #expect(Set(kinds) == Set(EventCatalogue.rows.map(\.kind)), "EventCatalogue lacks a kind, or has one too many")
        #expect(Set(kinds).count == EventCatalogue.rows.count)
    }

    @Test func everyExampleIsJSON() throws {
        for row in EventCatalogue.rows {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(row.payload.utf8)) }
        }
    }
}
