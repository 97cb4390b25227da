import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node that keeps its data in a folder and answers HTTP on a loopback port until it is told to stop. */
public final class TestNode {
  public static void main(String[] arguments) throws Exception {
    String folder = arguments[0];
    String port = arguments[1];
    OpenSearchRunner runner = new OpenSearchRunner();
    runner
        .onBuild((number, settings) -> {
          settings.put("http.port", port);
          settings.put("network.host", "127.0.0.1");
          settings.put("discovery.type", "single-node");
          settings.remove("cluster.initial_cluster_manager_nodes");
          settings.remove("discovery.seed_hosts");
          // A full disk of a developer is no reason to refuse writes of a test.
          settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        })
        .build(OpenSearchRunner.newConfigs().basePath(folder).numOfNode(1).clusterName("orchestrator-tests"));
    Thread.currentThread().join();
  }
}
