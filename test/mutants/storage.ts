// Rules of the disk: the write-ahead log and the snapshot files.

import type { Mutant } from "./mutant.ts";

const OTHER_DISK = "its disks keep values where these keep bytes";

export const STORAGE: readonly Mutant[] = [
  {
    name: "a-commit-is-told-before-its-sync",
    rule: "Nobody is told of a commit before it is synced.",
    pitfall: 3,
    file: "src/adapters/storage/log.ts",
    find: "this.#files.sync(file).then(",
    replace: "Promise.resolve().then(",
    caughtBy: ["storage/crash", "storage/log"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-commit-on-the-loop-is-told-before-its-sync",
    rule: "Nobody is told of a commit before it is synced, in the pool or on the loop.",
    pitfall: 3,
    file: "src/adapters/storage/log.ts",
    find: "this.#files.syncNow(file);",
    replace: "",
    caughtBy: ["storage/crash", "storage/log"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-sync-reaches-no-disk",
    rule: "A sync is the system's own `fdatasync`.",
    pitfall: 3,
    file: "src/adapters/storage/files.ts",
    find: "sync: (file) => promised<void>((done) => fs.fdatasync(file, (error) => done(error))),",
    replace: "sync: (file) => promised<void>((done) => fs.fstat(file, (error) => done(error))),",
    caughtBy: ["storage/files"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-failed-sync-is-tried-again",
    rule: "A failed sync is the end: what the kernel then holds as clean may be on no disk.",
    pitfall: 23,
    file: "src/adapters/storage/log.ts",
    find: `this.#files.syncNow(file);
    } catch (error) {
      this.#fail(error);
      return;
    }`,
    replace: `this.#files.syncNow(file);
    } catch {
      this.#files.syncNow(file);
    }`,
    caughtBy: ["storage/log"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-failed-sync-in-the-pool-is-not-noticed",
    rule: "A failed sync is the end, in the pool too.",
    pitfall: 23,
    file: "src/adapters/storage/log.ts",
    find: `this.#noteTimes(began, written);
            this.#onDurable(checksum);
          },
          (error) => this.#fail(error),`,
    replace: `this.#noteTimes(began, written);
            this.#onDurable(checksum);
          },
          () => this.#onDurable(checksum),`,
    caughtBy: ["storage/log"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-full-disk-is-the-end",
    rule: "On a full disk a member waits for room.",
    pitfall: 32,
    file: "src/adapters/storage/log.ts",
    find: `if (!isNoSpace(error)) {
      this.#fail(error);
      return;
    }`,
    replace: `if (error !== null) {
      this.#fail(error);
      return;
    }`,
    caughtBy: ["storage/log"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-new-segment-has-no-durable-name",
    rule: "The name of a new segment is durable before anything in it counts.",
    pitfall: 34,
    file: "src/adapters/storage/log.ts",
    find: "await this.#files.syncDirectory(this.#options.directory);",
    replace: "",
    caughtBy: ["storage/crash"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-new-segment-forgets-the-vote",
    rule: "Each segment carries term and vote, so that a purge takes neither away.",
    pitfall: 2,
    file: "src/adapters/storage/log.ts",
    find: "hardState: this.#hardState,",
    replace: "hardState: { term: 0, votedFor: null, commitIndex: 0 },",
    caughtBy: ["storage/log"],
    simulator: OTHER_DISK,
  },
  {
    name: "the-log-is-purged-past-the-oldest-snapshot",
    rule: "The log is kept from the oldest retained snapshot on.",
    pitfall: 34,
    file: "src/adapters/storage/log.ts",
    find: "const limit = Math.min(index, this.#options.keptFrom());",
    replace: "const limit = index;",
    caughtBy: ["storage/log"],
    simulator: OTHER_DISK,
  },
  {
    name: "entries-are-dropped-after-those-that-take-their-place",
    rule: "A commit drops entries before it adds some.",
    file: "src/adapters/storage/log.ts",
    find: "if (this.#firstIndex !== 0) break; // a commit drops entries only before it adds some",
    replace: "",
    caughtBy: ["storage/log", "storage/crash"],
    simulator: OTHER_DISK,
  },

  // ------------------------------------------------------------------------------------------------------- recovery
  {
    name: "records-are-not-checked",
    rule: "Every record read from the disk is checked by its checksum.",
    pitfall: 24,
    file: "src/adapters/storage/format.ts",
    find: "return crc32(bytes.subarray(start, start + header.recordBytes)) === header.recordsChecksum;",
    replace: "return start > 0;",
    caughtBy: ["storage/damage"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-commit-header-is-not-checked",
    rule: "A length is believed only where its header is proved.",
    pitfall: 24,
    file: "src/adapters/storage/format.ts",
    find: "if (uint32At(bytes, at + COMMIT_SUMMED_BYTES) !== chain) return null;",
    replace: "",
    caughtBy: ["storage/damage"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-damaged-middle-is-cut-as-a-torn-end",
    rule: "A commit with a whole one after it is damaged, not torn.",
    pitfall: 24,
    file: "src/adapters/storage/scan.ts",
    find: "if (rest.laterCommitAt !== null) {",
    replace: "if (rest.laterCommitAt === 0) {",
    caughtBy: ["storage/damage"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-damaged-end-is-cut-as-a-torn-one",
    rule: "A last commit that arrived whole and is wrong is damaged, not torn.",
    pitfall: 24,
    file: "src/adapters/storage/format.ts",
    find: "return zeroSectors(bytes, at + SECTOR_BYTES, end - SECTOR_BYTES) > header.zeroSectors;",
    replace: "return true;",
    caughtBy: ["storage/damage"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-torn-end-is-taken-for-damage",
    rule: "A commit that was being written when power was lost is left out.",
    pitfall: 24,
    file: "src/adapters/storage/format.ts",
    find: "return zeroSectors(bytes, at + SECTOR_BYTES, end - SECTOR_BYTES) > header.zeroSectors;",
    replace: "return false;",
    caughtBy: ["storage/crash"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-torn-end-takes-the-commit-before-it-along",
    rule: "Of a torn end nothing that was acknowledged is cut.",
    pitfall: 24,
    file: "src/adapters/storage/scan.ts",
    find: "return { end: at, sequence, chain, lastCommitAt, isTorn: torn };",
    replace:
      "return { end: torn && lastCommitAt !== null ? lastCommitAt : at, sequence, chain, lastCommitAt, isTorn: torn };",
    caughtBy: ["storage/crash"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-missing-last-segment-is-not-missed",
    rule: "A segment that was sealed has a next one.",
    pitfall: 24,
    file: "src/adapters/storage/scan.ts",
    find: "if (known === null) {\n        throw new DamageError(path, at, `the log goes on",
    replace:
      "if (known === null) {\n        return { end: at, sequence, chain, lastCommitAt, isTorn: true };\n        throw new DamageError(path, at, `the log goes on",
    caughtBy: ["storage/damage"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-commit-of-another-history-is-taken",
    rule: "Each commit refers to the one before it.",
    pitfall: 24,
    file: "src/adapters/storage/scan.ts",
    find: `commit.sequence !== sequence ||
      commit.previousChain !== chain ||`,
    replace: "commit.sequence !== sequence ||",
    caughtBy: ["storage/damage"],
    simulator: OTHER_DISK,
  },
  {
    name: "what-was-read-may-be-on-no-disk",
    rule: "What a start reads is made durable before it is counted on.",
    pitfall: 23,
    file: "src/adapters/storage/storage.ts",
    find: "await files.write(file, bytes, tail.lastCommitAt);",
    replace: "",
    caughtBy: ["storage/crash"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-member-alone-starts-over-what-is-damaged",
    rule: "A member that is alone refuses to start where something is damaged.",
    pitfall: 24,
    file: "src/adapters/storage/storage.ts",
    find: "if (alone) throw refusal(error);",
    replace: "",
    caughtBy: ["storage/snapshots"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-damaged-directory-is-started-as-a-new-one",
    rule: "Data without an identity are damage, and not a new member.",
    pitfall: 26,
    file: "src/adapters/storage/storage.ts",
    find: "if (logNames.length + snapshotNames.length === 0) return null;",
    replace: "if (logNames.length + snapshotNames.length >= 0) return null;",
    caughtBy: ["storage/damage"],
    simulator: OTHER_DISK,
  },

  // ------------------------------------------------------------------------------------------------------ snapshots
  {
    name: "a-snapshots-chunks-are-not-checked",
    rule: "Every chunk of a snapshot is checked when it is read.",
    pitfall: 25,
    file: "src/adapters/storage/snapshot-reader.ts",
    find: "if (!isThere || chunkChecksum(stored.salt, number, payload) !== view.getUint32(at + 4)) {",
    replace: "if (!isThere) {",
    caughtBy: ["storage/snapshots"],
    simulator: OTHER_DISK,
  },
  {
    name: "the-latest-snapshot-is-not-read-at-a-start",
    rule: "A start reads the whole of the snapshot that it goes on from.",
    pitfall: 25,
    file: "src/adapters/storage/storage.ts",
    find: "if (whole.length === 0) await verifySnapshot(files, stored);",
    replace: "",
    caughtBy: ["storage/snapshots"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-snapshot-has-no-durable-name",
    rule: "A snapshot counts once its name is durable.",
    pitfall: 34,
    file: "src/adapters/storage/snapshots.ts",
    find: "await files.syncDirectory(directory);",
    replace: "",
    caughtBy: ["storage/crash", "storage/snapshots"],
    simulator: OTHER_DISK,
  },
  {
    name: "a-snapshot-has-its-name-before-it-is-durable",
    rule: "A snapshot gets its name once its bytes are durable.",
    pitfall: 34,
    file: "src/adapters/storage/snapshot-writer.ts",
    find: "await this.#files.sync(this.#file!);\n      await this.#close();",
    replace: "await this.#close();",
    caughtBy: ["storage/crash", "storage/snapshots"],
    simulator: OTHER_DISK,
  },
];
