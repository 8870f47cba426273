import dagster as dg


class SloppyConfig(dg.Config):
    limit: int


@dg.op(name="SloppyOp")
def sloppy(config: SloppyConfig) -> int:
    return config.limit


@dg.job
def sloppy_job():
    sloppy()
