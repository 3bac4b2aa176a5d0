"""What requests come to: plain values, for whoever carries them out."""
