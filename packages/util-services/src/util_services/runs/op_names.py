"""What the ops are called that jobs share."""

READ_OP = "read_dataset"
WRITE_OP = "write_dataset"
REPORT_OP = "write_report"
SHARED_OPS = frozenset({READ_OP, WRITE_OP, REPORT_OP})
