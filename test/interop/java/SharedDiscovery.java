import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceProvider;

/**
 * Curator's ServiceDiscovery and GroupMember beside another program on the same paths. It registers the instance "java" of
 * the service "api" and joins the group as "java", then answers lines: "instances", "provider", "members", "leave". Arguments:
 * connect string, base path of the services, path of the group.
 */
public final class SharedDiscovery {
  public static void main(String[] args) throws Exception {
    CuratorFramework client = CuratorFrameworkFactory.builder()
        .connectString(args[0]).sessionTimeoutMs(10_000).connectionTimeoutMs(5_000)
        .retryPolicy(new RetryNTimes(100, 100)).build();
    client.start();
    Checks.that(client.blockUntilConnected(20, TimeUnit.SECONDS), "connects within 20 s");
    Map<String, Object> payload = new LinkedHashMap<>();
    payload.put("zone", "a");
    ServiceInstance<Map> mine = ServiceInstance.<Map>builder()
        .name("api").id("java").address("10.0.0.9").port(99).payload(payload).build();
    ServiceDiscovery<Map> discovery =
        ServiceDiscoveryBuilder.builder(Map.class).client(client).basePath(args[1]).thisInstance(mine).build();
    discovery.start();
    ServiceProvider<Map> provider = discovery.serviceProviderBuilder().serviceName("api").build();
    provider.start();
    GroupMember member = new GroupMember(client, args[2], "java", "from java".getBytes("UTF-8"));
    member.start();
    Checks.say("ready");
    BufferedReader wishes = new BufferedReader(new InputStreamReader(System.in));
    for (String wish = wishes.readLine(); wish != null; wish = wishes.readLine()) {
      switch (wish) {
        case "instances" -> Checks.say("instances " + show(new ArrayList<>(discovery.queryForInstances("api"))));
        case "provider" -> Checks.say("provider " + show(new ArrayList<>(provider.getAllInstances())));
        case "members" -> {
          Map<String, String> members = new TreeMap<>();
          for (Map.Entry<String, byte[]> each : member.getCurrentMembers().entrySet()) {
            members.put(each.getKey(), new String(each.getValue(), "UTF-8"));
          }
          Checks.say("members " + members);
        }
        case "leave" -> {
          discovery.unregisterService(mine);
          member.close();
          Checks.say("left");
        }
        default -> throw new IllegalArgumentException(wish);
      }
    }
    provider.close();
    discovery.close();
    client.close();
    System.exit(0);
  }

  private static String show(List<ServiceInstance<Map>> instances) {
    Map<String, String> shown = new TreeMap<>();
    for (ServiceInstance<Map> each : instances) {
      String where = each.getAddress() + ":" + each.getPort() + "/" + each.getSslPort();
      shown.put(each.getId(), where + " " + each.getPayload() + " " + each.getServiceType() + " " + each.isEnabled());
    }
    return shown.toString();
  }
}
