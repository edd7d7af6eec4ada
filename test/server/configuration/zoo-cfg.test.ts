import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SETTINGS, whyNotApplicable } from "../../../src/server/configuration/settings.ts";
import { ALONE, configure, problemsOf, settingsOf } from "./configure.ts";

const ENSEMBLE = `
tickTime=2000
initLimit=10
syncLimit=5
dataDir=/var/lib/zookeeper
clientPort=2181
server.1=zoo1:2888:3888
server.2=zoo2:2888:3888
server.3=zoo3:2888:3888
`;
const MYID_2 = { "/var/lib/zookeeper/myid": "2\n" };

describe("an ensemble as zoo.cfg has it", () => {
  test("three server lines without client part, and myid says which one this is", () => {
    const { configuration, warnings } = configure(ENSEMBLE, { files: MYID_2 });
    assert.equal(configuration.id, 2);
    assert.equal(configuration.mode, "ensemble");
    assert.deepEqual(
      configuration.members.map(({ id, role, addresses, client }) => [id, role, addresses[0]?.host, client]),
      [
        [1, "participant", "zoo1", null],
        [2, "participant", "zoo2", null],
        [3, "participant", "zoo3", null],
      ],
    );
    assert.deepEqual(configuration.peer.listen, [{ host: "zoo2", port: 2888 }]);
    assert.deepEqual(configuration.client.plain, { host: null, port: 2181 });
    assert.equal(configuration.dataDir, "/var/lib/zookeeper");
    assert.equal(configuration.logDir, "/var/lib/zookeeper");
    assert.deepEqual([configuration.sessionTimeoutMinMs, configuration.sessionTimeoutMaxMs], [4000, 40_000]);
    assert.deepEqual(warnings, []);
  });

  test("without myid nothing starts, and the remedy is told", () => {
    const [problem] = problemsOf(ENSEMBLE);
    assert.match(problem ?? "", /\/var\/lib\/zookeeper\/myid is missing.*echo 1 >/);
  });

  test("a number in myid that no server line has is a problem", () => {
    assert.match(problemsOf(ENSEMBLE, { files: { "/var/lib/zookeeper/myid": "4" } })[0] ?? "", /no server\.4 line/);
    assert.match(
      problemsOf(ENSEMBLE, { files: { "/var/lib/zookeeper/myid": "one" } })[0] ?? "",
      /number from 0 to 2147483647/,
    );
  });

  test("without server lines a member stands alone", () => {
    const { id, mode, members, peer } = settingsOf(ALONE);
    assert.deepEqual({ id, mode, listen: peer.listen }, { id: 1, mode: "standalone", listen: [] });
    assert.equal(members.length, 1);
  });

  test("one participant stands alone too, unless standaloneEnabled=false", () => {
    const one = `${ALONE}server.1=zoo1:2888:3888\n`;
    assert.equal(settingsOf(one).mode, "standalone");
    const files = { "/data/myid": "1" };
    assert.equal(settingsOf(`${one}standaloneEnabled=false\n`, { files }).mode, "ensemble");
  });

  test("the members of a dynamic file count; they may not stand in both", () => {
    const base = `${ALONE}dynamicConfigFile=/conf/zoo.cfg.dynamic\n`;
    const files = {
      "/conf/zoo.cfg.dynamic": "server.1=a:1:2;3181\nserver.2=b:1:2;3181\nserver.3=c:1:2:observer;3181\nversion=0\n",
      "/data/myid": "1",
    };
    assert.match(
      problemsOf(base, { files }).join(),
      /clientPort says 0\.0\.0\.0:2181.*server\.N line says 0\.0\.0\.0:3181/,
    );
    const { members } = settingsOf(base.replace("2181", "3181"), { files });
    assert.deepEqual(
      members.map(({ role }) => role),
      ["participant", "participant", "observer"],
    );
    assert.match(
      problemsOf(`${base}server.1=a:1:2\n`, { files }).join(),
      /server\.1 must be in \/conf\/zoo\.cfg\.dynamic/,
    );
    assert.match(problemsOf(base).join(), /names \/conf\/zoo\.cfg\.dynamic, and there is no such file/);
  });

  test("the client address of the own server line is listened at", () => {
    const text = ENSEMBLE.replace("clientPort=2181\n", "").replace("zoo2:2888:3888", "zoo2:2888:3888;10.0.0.2:2191");
    assert.deepEqual(settingsOf(text, { files: MYID_2 }).client.plain, { host: "10.0.0.2", port: 2191 });
  });

  test("quorumListenOnAllIPs listens on every address", () => {
    const { peer } = settingsOf(`${ENSEMBLE}quorumListenOnAllIPs=true\n`, { files: MYID_2 });
    assert.deepEqual(peer.listen, [{ host: null, port: 2888 }]);
  });

  test("an even number of voters, and two members at one address, are told of", () => {
    const four = `${ENSEMBLE}server.4=zoo4:2888:3888\n`;
    assert.match(configure(four, { files: MYID_2 }).warnings.join(), /4 participants bear no more failures than 3/);
    assert.match(
      problemsOf(`${ENSEMBLE}server.4=zoo1:2888:3999\n`, { files: MYID_2 }).join(),
      /cannot both be at zoo1:2888/,
    );
  });
});

describe("keys", () => {
  test("zookeeper.xyz and plain xyz are the same setting", () => {
    assert.equal(settingsOf(`${ALONE}zookeeper.snapCount=500\n`).storage.snapshotAfterCommands, 500);
    assert.equal(settingsOf(`${ALONE}snapCount=500\n`).storage.snapshotAfterCommands, 500);
    const digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    for (const key of ["superDigest", "zookeeper.DigestAuthenticationProvider.superDigest"]) {
      assert.equal(settingsOf(`${ALONE}${key}=${digest}\n`).security.superDigest, digest);
    }
  });

  test("a slip of the hand is an error with line and suggestion; all problems are told at once", () => {
    assert.deepEqual(problemsOf(`dataDri=/data\nclientPort=99999\n${ALONE.split("\n")[0]}\n`), [
      'zoo.cfg line 1: dataDri is not a setting. Did you mean "dataDir"?',
      'zoo.cfg line 2: clientPort must have ports from 1 to 65535, not "99999"',
      "zoo.cfg line 2: clientPort is not set: where shall clients come in?",
    ]);
  });

  test("a key that means nothing here is named in a warning, with the reason", () => {
    const { warnings } = configure(`${ALONE}zookeeper.nio.numSelectorThreads=4\ngroup.1=1:2\nmy.own.key=1\n`);
    assert.equal(warnings.length, 3);
    assert.match(warnings[0] ?? "", /^zoo\.cfg line 3: zookeeper\.nio\.numSelectorThreads has no effect: one thread/);
    assert.match(warnings[1] ?? "", /line 4: group\.1 has no effect: a majority/);
    assert.match(warnings[2] ?? "", /line 5: my\.own\.key has no effect: no setting of this name/);
  });

  test("of a key given twice the later counts, with a warning", () => {
    const { configuration, warnings } = configure(`${ALONE}tickTime=1000\ntickTime=500\n`);
    assert.equal(configuration.tickMs, 500);
    assert.match(warnings.join(), /line 4: tickTime was already given in line 3/);
  });

  test("every key of ZooKeeper's documentation is honoured or has its reason", () => {
    // The keys of the administrator's guide, by its chapters.
    const documented = `clientPort secureClientPort observerMasterPort dataDir tickTime dataLogDir globalOutstandingLimit
      preAllocSize snapCount commitLogCount snapSizeLimitInKb txnLogSizeLimitInKb maxCnxns maxClientCnxns clientPortAddress
      minSessionTimeout maxSessionTimeout fsync.warningthresholdms maxResponseCacheSize maxGetChildrenResponseCacheSize
      autopurge.snapRetainCount autopurge.purgeInterval syncEnabled extendedTypesEnabled emulate353TTLNodes watchManagerName
      watcherCleanThreadsNum watcherCleanThreshold watcherCleanIntervalInSeconds maxInProcessingDeadWatchers bitHashCacheSize
      fastleader.minNotificationInterval fastleader.maxNotificationInterval connection_throttle_tokens
      connection_throttle_fill_time connection_throttle_weight_enabled clientPortListenBacklog serverCnxnFactory flushDelay
      maxWriteQueuePollTime maxBatchSize enforceQuota requestThrottleLimit request_throttle_max_requests
      requestThrottleStallTime requestThrottleDropStale requestStaleLatencyCheck requestStaleConnectionCheck
      request_throttler.shutdownTimeout advancedFlowControlEnabled enableEagerACLCheck maxConcurrentSnapSyncs
      leader.maxConcurrentDiffSyncs digest.enabled snapshot.compression.method snapshot.trust.empty audit.enable
      audit.impl.class largeRequestMaxBytes largeRequestThreshold netty.server.outstandingHandshake.limit
      outstandingHandshake.limit netty.server.earlyDropSecureConnectionHandshakes throttled_op_wait_time throttledOpWaitTime
      learner.closeSocketAsync leader.closeSocketAsync learner.asyncSending serializeLastProcessedZxid.enabled
      forward_learner_requests_to_commit_processor_disabled electionAlg maxTimeToWaitForEpoch initLimit
      connectToLearnerMasterLimit leaderServes syncLimit cnxTimeout quorumCnxnTimeoutMs standaloneEnabled reconfigEnabled
      4lw.commands.whitelist tcpKeepAlive clientTcpKeepAlive electionPortBindRetry observer.reconnectDelayMs
      observer.election.DelayMs localSessionsEnabled localSessionsUpgradingEnabled DigestAuthenticationProvider.enabled
      DigestAuthenticationProvider.superDigest DigestAuthenticationProvider.digestAlg IPAuthenticationProvider.usexforwardedfor
      X509AuthenticationProvider.superUser superUser ssl.authProvider ensembleAuthName sessionRequireClientSASLAuth
      enforce.auth.enabled enforce.auth.schemes sslQuorum ssl.keyStore.location ssl.keyStore.password
      ssl.quorum.keyStore.location ssl.quorum.keyStore.password ssl.keyStore.passwordPath ssl.keyStore.type
      ssl.trustStore.location ssl.trustStore.password ssl.trustStore.passwordPath ssl.trustStore.type ssl.protocol
      ssl.enabledProtocols ssl.ciphersuites ssl.context.supplier.class ssl.hostnameVerification ssl.clientHostnameVerification
      ssl.allowReverseDnsLookup ssl.crl ssl.ocsp ssl.clientAuth ssl.quorum.clientAuth ssl.handshakeDetectionTimeoutMillis
      ssl.sslProvider sslQuorumReloadCertFiles client.certReload client.portUnification kerberos.removeHostFromPrincipal
      kerberos.canonicalizeHostNames multiAddress.enabled multiAddress.reachabilityCheckTimeoutMs
      multiAddress.reachabilityCheckEnabled fips-mode readonlymode.enabled follower.skipLearnerRequestToNextProcessor forceSync
      jute.maxbuffer jute.maxbuffer.extrasize skipACL quorumListenOnAllIPs datadir.autocreate db.autocreate
      nio.numSelectorThreads nio.numWorkerThreads commitProcessor.numWorkerThreads commitProcessor.maxReadBatchSize
      znode.container.checkIntervalMs znode.container.maxPerMinute znode.container.maxNeverUsedIntervalMs
      messageTracker.BufferSize messageTracker.Enabled admin.rateLimiterIntervalInMS admin.snapshot.enabled
      admin.restore.enabled admin.needClientAuth admin.forceHttps admin.portUnification admin.enableServer admin.serverAddress
      admin.serverPort admin.idleTimeout admin.commandURL peerType dynamicConfigFile metricsProvider.className
      metricsProvider.httpHost metricsProvider.httpPort metricsProvider.exportJvmInfo quorum.auth.enableSasl
      quorum.cnxn.threads.size jvm.pause.monitor portUnification oraclePath java.security.auth.login.config`;
    for (const key of documented.split(/\s+/)) {
      assert.ok(key in SETTINGS || whyNotApplicable(key) !== null, `${key} would be passed over as unknown`);
    }
  });
});

describe("values", () => {
  const refused: readonly (readonly [line: string, complaint: RegExp])[] = [
    ["tickTime=0", /tickTime must be from 1ms/],
    ["tickTime=fast", /tickTime must be a time such as/],
    ["maxClientCnxns=-1", /whole number from 0/],
    ["maxClientCnxns=1.5", /whole number/],
    ["skipACL=maybe", /must be true or false/],
    ["snapCount=1", /whole number from 2/],
    ["jute.maxbuffer=12", /must be from 1024 to/],
    ["jute.maxbuffer=104857600", /must be from 1024 to 33554432 bytes.*members could not carry a longer request/],
    ["jute.maxbuffer=33554433", /must be from 1024 to 33554432 bytes/],
    ["autopurge.purgeInterval=2w", /must be in ms, s, m, h or d/],
    ["electionAlg=1", /can only be 3/],
    ["DigestAuthenticationProvider.digestAlg=SHA3-256", /can only be SHA1/],
    ["4lw.commands.whitelist=status", /words of four letters/],
    ["admin.commandURL=commands", /must be a path/],
    ["admin.commandURL=/status", /must not be \/status: the member's own pages are there/],
    ["admin.commandURL=/metrics/", /must not be \/metrics/],
    ["tickTime=", /has no value/],
    ["server.2147483648=a:1:2", /number from 0 to 2147483647 in its name/],
    ["server.x=a:1:2", /number from 0 to 2147483647 in its name/],
    [
      "minSessionTimeout=60000",
      /shortest session timeout \(60000 ms\) longer than the longest \(60000|60000 ms\) longer/,
    ],
    ["secureClientPort=2281", /needs a key and a certificate/],
    ["secureClientPort=2181", /must differ from clientPort/],
    ["heartbeatInterval=500", /at least twice the heartbeat/],
  ];
  for (const [line, complaint] of refused) {
    test(`${line} is refused`, () => {
      const text = line.startsWith("minSession") ? `${ALONE}${line}\nmaxSessionTimeout=50000\n` : `${ALONE}${line}\n`;
      assert.match(problemsOf(text).join("\n"), complaint);
    });
  }

  test("units: milliseconds unless one is said, KiB for segments, Java's hexadecimal", () => {
    assert.equal(settingsOf(`${ALONE}tickTime=2500\n`).tickMs, 2500);
    assert.equal(settingsOf(`${ALONE}tickTime=2s\n`).tickMs, 2000);
    assert.equal(settingsOf(`${ALONE}preAllocSize=65536\n`).storage.segmentBytes, 64 * 1024 ** 2);
    assert.equal(settingsOf(`${ALONE}jute.maxbuffer=0x3fffff\n`).frameBytesMax, 0x3fffff);
    assert.equal(settingsOf(`${ALONE}jute.maxbuffer=33554432\n`).frameBytesMax, 32 * 1024 ** 2);
  });

  test("what other servers have and this one does without is named, where somebody relies on it", () => {
    const relied: readonly (readonly [line: string, harmless: string])[] = [
      ["forceSync=no", "forceSync=yes"],
      ["leaderServes=no", "leaderServes=yes"],
      ["localSessionsEnabled=true", "localSessionsEnabled=false"],
      ["autopurge.purgeInterval=0", "autopurge.purgeInterval=24"],
      ["autopurge.snapRetainCount=1", "autopurge.snapRetainCount=5"],
      ["admin.restore.enabled=true", "admin.restore.enabled=false"],
    ];
    for (const [line, harmless] of relied) {
      const { warnings } = configure(`${ALONE}${line}\n`);
      assert.match(
        warnings.join(),
        new RegExp(`^zoo\\.cfg line 3: ${line.split("=")[0]} (has no effect|is at least)`),
        line,
      );
      assert.deepEqual(configure(`${ALONE}${harmless}\n`).warnings, [], harmless);
    }
    assert.equal(settingsOf(`${ALONE}autopurge.snapRetainCount=1\n`).storage.snapshotsRetained, 3);
  });

  test("datadir.autocreate=false: a directory that is not there, as when nothing is mounted, stops the member", () => {
    const text = `${ALONE}datadir.autocreate=false\n`;
    assert.match(problemsOf(text).join(), /line 3: datadir\.autocreate is false, and there is no directory \/data/);
    assert.deepEqual(problemsOf(text, { files: { "/data/myid": "1" } }), []);
  });

  test("the whitelist: srvr alone, isro beside it in read-only mode, a list, or all", () => {
    const words = (line: string) => settingsOf(`${ALONE}${line}\n`).words;
    assert.deepEqual(words(""), new Set(["srvr"]));
    assert.deepEqual(words("readonlymode.enabled=true"), new Set(["srvr", "isro"]));
    assert.deepEqual(words("4lw.commands.whitelist=stat, ruok,conf"), new Set(["stat", "ruok", "conf"]));
    assert.equal(words("4lw.commands.whitelist=*"), "all");
  });

  test("a silent leader is borne with for less than syncLimit ticks, and never for longer than our own default", () => {
    assert.equal(settingsOf(`${ALONE}syncLimit=5\n`).peer.electionTimeoutMs, 600);
    assert.equal(settingsOf(`${ALONE}tickTime=100\nsyncLimit=5\n`).peer.electionTimeoutMs, 500);
  });

  test("Prometheus's port is opened for its provider only", () => {
    const listen = (line: string) => settingsOf(`${ALONE}${line}\n`).metrics.listen;
    assert.equal(listen(""), null);
    const provider = "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
    assert.deepEqual(listen(provider), { host: null, port: 7000 });
    assert.deepEqual(listen(`${provider}\nmetricsProvider.httpPort=7070`), { host: null, port: 7070 });
  });

  test("what would have made things safer and cannot be had stops the member", () => {
    for (const line of ["ssl.crl=true", "ssl.ocsp=true", "quorum.auth.enableSasl=true", "sslQuorum=true"]) {
      assert.notDeepEqual(problemsOf(`${ALONE}${line}\n`), [], line);
    }
  });
});
