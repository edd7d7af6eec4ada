package org.apache.curator.test;

import java.io.File;
import java.io.FileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/**
 * Stands before Curator's class of this name on the class path: its test servers are processes of their own, started by the
 * script in the system property `server.script`, as `SCRIPT start-foreground CONFIGURATION`. Where a test asks for the factory
 * of connections that breaks them, a proxy breaks them.
 */
public class ZooKeeperServerEmbeddedAdapter implements ZooKeeperMainFace {
    private static final long STARTS_WITHIN_MS = 30_000;
    private static final long ENDS_WITHIN_MS = 20_000;

    private volatile Process process;
    private volatile ChaosProxy chaos;
    private volatile int clientPort;
    private volatile Path log;

    @Override
    public void start(QuorumPeerConfigBuilder configBuilder) {
        try {
            Properties properties = configBuilder.buildProperties();
            int port = Integer.parseInt(properties.getProperty("clientPort", "0"));
            clientPort = port > 0 ? port : InstanceSpec.getRandomPort();
            boolean isChaotic = System.getProperty("zookeeper.serverCnxnFactory", "").endsWith(".ChaosMonkeyCnxnFactory");
            int serverPort = isChaotic ? InstanceSpec.getRandomPort() : clientPort;
            properties.setProperty("clientPort", Integer.toString(serverPort));
            File folder = new File(properties.getProperty("dataDir"));
            if (!folder.isDirectory() && !folder.mkdirs()) throw new IOException("cannot create " + folder);
            File file = new File(folder, "zoo.cfg");
            write(file, lines(properties));
            boolean isCluster = properties.stringPropertyNames().stream().anyMatch(name -> name.startsWith("server."));
            if (isCluster) write(new File(folder, "myid"), configBuilder.getInstanceSpec().getServerId() + "\n");
            log = folder.toPath().resolve("log.txt");
            String script = System.getProperty("server.script");
            ProcessBuilder builder = new ProcessBuilder(script, "start-foreground", file.getPath());
            builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
            process = builder.start();
            Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
            if (!isCluster) waitUntilListening(serverPort);
            if (isChaotic) chaos = new ChaosProxy(clientPort, serverPort);
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new RuntimeException(e);
        }
    }

    private static String lines(Properties properties) {
        StringBuilder text = new StringBuilder("4lw.commands.whitelist=*\nadmin.enableServer=false\n");
        for (String name : properties.stringPropertyNames()) {
            if (name.equals("4lw.commands.whitelist") || name.equals("admin.enableServer")) continue;
            text.append(name).append('=').append(properties.getProperty(name)).append('\n');
        }
        // Tests set properties of ZooKeeper's on the virtual machine in which they believe the server to run.
        for (String name : System.getProperties().stringPropertyNames()) {
            if (!name.startsWith("znode.container.") && !name.equals("zookeeper.extendedTypesEnabled")) continue;
            text.append(name.replaceFirst("^zookeeper\\.", "")).append('=').append(System.getProperty(name)).append('\n');
        }
        return text.toString();
    }

    private void waitUntilListening(int port) throws Exception {
        long deadline = System.currentTimeMillis() + STARTS_WITHIN_MS;
        while (true) {
            if (!process.isAlive()) {
                throw new IOException("the server ended with " + process.exitValue() + "\n" + Files.readString(log));
            }
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
                return;
            } catch (IOException e) {
                if (System.currentTimeMillis() > deadline) throw e;
                Thread.sleep(20);
            }
        }
    }

    private static void write(File file, String text) throws IOException {
        try (Writer writer = new FileWriter(file)) {
            writer.write(text);
        }
    }

    @Override
    public int getClientPort() {
        return clientPort;
    }

    @Override
    public void kill() {
        end(true);
    }

    @Override
    public void close() {
        end(false);
    }

    private void end(boolean forcibly) {
        Process running = process;
        if (running == null) return;
        ChaosProxy proxy = chaos;
        try {
            if (proxy != null) proxy.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (forcibly) running.destroyForcibly();
        else running.destroy();
        try {
            if (running.waitFor(ENDS_WITHIN_MS, TimeUnit.MILLISECONDS)) return;
            running.destroyForcibly();
            running.waitFor(ENDS_WITHIN_MS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            running.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
