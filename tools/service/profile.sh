# Written by `shiftwatt install`: commands of this machine's people find the gateway's site file.
export SHIFTWATT_SITE=$site
