resource "sandbox_cluster" "this" {
  name               = var.landform_name
  network_id         = var.network_id
  region             = var.landform_region
  kubernetes_version = var.kubernetes_version
  public_endpoint    = var.public_endpoint
  tags               = var.landform_tags

  lifecycle {
    # The tag names the operation that created the resource; later ones must not touch it.
    ignore_changes = [tags["landform:operation"]]
  }
}

resource "sandbox_node_pool" "this" {
  name       = "${var.landform_name}-nodes"
  cluster_id = sandbox_cluster.this.id
  size       = var.node_size
  disk_gb    = var.node_disk_gb
  min_nodes  = var.min_nodes
  max_nodes  = var.max_nodes
  tags       = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}
